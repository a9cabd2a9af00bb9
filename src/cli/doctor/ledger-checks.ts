import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { serverOf } from '../../store/ledger-location.ts';
import type { LedgerReader, LedgerStats } from '../../store/ledger-reader.ts';
import { CliError } from '../cli-error.ts';
import { ledgerLocation, shownLedger, withLedger } from '../ledger-location.ts';
import { formatCount, formatDuration, formatSize } from '../quantities.ts';
import { quarantineFolder } from '../spool-recovery.ts';
import { type Check, fail, ok, warn } from './check.ts';

const DAY_MS = 86_400_000;
/** The longest the default retention keeps anything, and a day for the pruning to come round. */
const LONGEST_KEPT_MS = 91 * DAY_MS;
/** Below this much free space a batch may fail. */
const LITTLE_SPACE = 256 * 1024 * 1024;

/** Checks the ledger: is it there, whole, of this version's schema, and does it have room to grow. */
export async function checkLedger(
  option: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<readonly Check[]> {
  const location = locationOrReason(option, env);
  if (location instanceof Error)
    return [warn('ledger', location.message, 'Name the file with --ledger PATH to have it checked.')];
  const isFile = serverOf(location) === undefined;
  if (isFile && !existsSync(location)) {
    const fix = 'Run your program once with Runledger, or name the file with --ledger PATH.';
    return [warn('ledger', `no ledger at ${location} yet`, fix)];
  }
  const shown = shownLedger(location);
  const folder = quarantineFolder(location);
  try {
    return await withLedger(location, async (ledger) => {
      const stats = await ledger.stats();
      return [
        ok('ledger', `${shown}: ${formatCount(stats.records)} records of ${formatCount(stats.runs)} runs`),
        checkSchema(stats),
        // Whether a server's files are whole, and what room they have, is its operator's to see.
        ...(isFile ? [await checkIntegrity(ledger)] : []),
        checkQuarantine(stats, (await folder.list()).length, folder.path),
        checkRetention(stats, Date.now()),
        isFile ? await checkSpace(location, stats) : ok('ledger-space', formatSize(stats.bytes)),
      ];
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (isFile) {
      const fix = 'Check that it is a ledger and that you may read it, or start a new one.';
      return [fail('ledger', `${shown} can not be read: ${reason}`, fix)];
    }
    const fix = 'Check RUNLEDGER_STORE or --ledger, and that the server can be reached from here.';
    return [fail('ledger', reason, fix)];
  }
}

function locationOrReason(option: string | undefined, env: NodeJS.ProcessEnv): string | CliError {
  try {
    return ledgerLocation(option, env);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}

function checkSchema({ schema, schemaKnown }: LedgerStats): Check {
  if (schema === schemaKnown) return ok('ledger-schema', `schema ${schema}`);
  if (schema === null) {
    return warn(
      'ledger-schema',
      'the ledger has no schema yet',
      'The first program that writes to it makes one.',
    );
  }
  if (schema > schemaKnown) {
    const message = `schema ${schema} is newer than this runledger (${schemaKnown})`;
    return warn('ledger-schema', message, 'Update runledger to see all of it.');
  }
  const message = `schema ${schema} is older than this runledger (${schemaKnown})`;
  return warn('ledger-schema', message, 'The next program that writes to it brings it up to date.');
}

async function checkIntegrity(ledger: LedgerReader): Promise<Check> {
  const { rows } = await ledger.query('select quick_check from pragma_quick_check limit 5');
  const problems = rows.map(([text]) => String(text)).filter((text) => text !== 'ok');
  if (problems.length === 0) return ok('ledger-integrity', 'the file is whole');
  return fail(
    'ledger-integrity',
    `the file is damaged: ${problems.join('; ')}`,
    'Save what is left with "sqlite3 ledger.db .recover", and start a new ledger.',
  );
}

function checkQuarantine({ quarantined }: LedgerStats, inFiles: number, path: string): Check {
  if (quarantined + inFiles === 0) return ok('ledger-quarantine', 'no record was refused');
  const message = `${formatCount(quarantined + inFiles)} records were refused and set aside`;
  if (inFiles === 0) return warn('ledger-quarantine', message, 'See why: runledger quarantine list.');
  return warn(
    'ledger-quarantine',
    `${message}, ${formatCount(inFiles)} of them in files in ${path}, for record_quarantine did not take them`,
    'Let who writes select, insert, update and delete there, and see why they were refused: runledger quarantine list.',
  );
}

function checkRetention({ oldestStartedAt }: LedgerStats, now: number): Check {
  if (oldestStartedAt === null) return ok('ledger-retention', 'no records yet');
  const age = Math.max(0, now - oldestStartedAt);
  const message = `the oldest record is ${formatDuration(age)} old`;
  if (age <= LONGEST_KEPT_MS) return ok('ledger-retention', message);
  return warn(
    'ledger-retention',
    message,
    'If that is not what you want: runledger prune --failed-max-age 90d.',
  );
}

async function checkSpace(path: string, stats: LedgerStats): Promise<Check> {
  const { bavail, bsize } = await statfs(dirname(resolve(path)));
  const free = bavail * bsize;
  const days = ((stats.newestStartedAt ?? 0) - (stats.oldestStartedAt ?? 0)) / DAY_MS;
  // A rate from less than a day is mostly the file's own start.
  const perDay = days >= 1 ? stats.bytes / days : undefined;
  const growth =
    perDay === undefined ? 'growth not known before a day of records' : `${formatSize(perDay)} a day`;
  const message = `${formatSize(stats.bytes)}, ${growth}; ${formatSize(free)} free`;
  const isTight = free < LITTLE_SPACE || (perDay !== undefined && free < 7 * perDay);
  if (!isTight) return ok('ledger-space', message);
  return warn(
    'ledger-space',
    message,
    'Free space, or keep less: runledger prune --max-age 3d --max-bytes 256MiB.',
  );
}

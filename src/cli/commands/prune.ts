import type { Command } from 'commander';
import type { PruneReport, RetentionPolicy } from '../../store/record-store.ts';
import { durationArgument, sizeArgument } from '../arguments.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { existingLedger, shownLedger, withLedger, withStore } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { withProgress } from '../progress.ts';
import { previewPrune } from '../prune-preview.ts';
import { formatCount, formatDuration, formatSize } from '../quantities.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';

interface PruneOptions extends GlobalOptions {
  readonly maxAge: number;
  readonly failedMaxAge: number;
  readonly maxBytes: number;
  readonly dryRun?: true;
}

const DAY_MS = 86_400_000;

/**
 * Adds `prune`: removes what is no longer kept. `--json`: `{schema_version, ledger, dry_run, removed_by_age,
 * removed_by_size, bytes_before, bytes_after}`; in a dry run `removed_by_size` and `bytes_after` are `null`.
 */
export function addPruneCommand(program: Command, io: CliIo): void {
  program
    .command('prune')
    .description('remove old runs and give the space back; failed ones are kept longer')
    .option(
      '--max-age <time>',
      'runs without a failure that ended longer ago go',
      durationArgument,
      7 * DAY_MS,
    )
    .option('--failed-max-age <time>', 'failed runs that ended longer ago go', durationArgument, 90 * DAY_MS)
    .option('--max-bytes <size>', 'past this size the oldest go, failed ones last', sizeArgument, 1024 ** 3)
    .option('--dry-run', 'only say what would go')
    .configureHelp({ showGlobalOptions: true, optionDescription: describeOption })
    .addHelpText(
      'after',
      '\nExample:\n  runledger prune --max-age 7d --failed-max-age 90d --max-bytes 1GiB\n',
    )
    .action(async (_: unknown, command: Command) => {
      const options: PruneOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const policy = {
        maxAgeMs: options.maxAge,
        failedMaxAgeMs: options.failedMaxAge,
        maxBytes: options.maxBytes,
      };
      await (options.dryRun ? preview(location, policy, options, io) : prune(location, policy, options, io));
    });
}

async function prune(
  location: string,
  policy: RetentionPolicy,
  options: GlobalOptions,
  io: CliIo,
): Promise<void> {
  const report = await withProgress(
    () => `pruning ${printable(shownLedger(location))}`,
    () => pruneFile(location, policy),
  );
  if (options.json) {
    const { removedByAge, removedBySize, bytesBefore, bytesAfter } = report;
    io.out(
      jsonDocument({
        ...{ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), dry_run: false },
        ...{ removed_by_age: removedByAge, removed_by_size: removedBySize },
        ...{ bytes_before: bytesBefore, bytes_after: bytesAfter },
      }),
    );
    return;
  }
  const freed = report.bytesBefore - report.bytesAfter;
  io.out(
    `removed ${formatCount(report.removedByAge)} records by age and ${formatCount(report.removedBySize)} by size; ` +
      `${formatSize(Math.max(0, freed))} given back, ${formatSize(report.bytesAfter)} left\n`,
  );
}

async function preview(
  location: string,
  policy: RetentionPolicy,
  options: GlobalOptions,
  io: CliIo,
): Promise<void> {
  const { byAge, bytes } = await withLedger(location, async (ledger) => ({
    byAge: await previewPrune(ledger, policy, Date.now()),
    bytes: (await ledger.stats()).bytes,
  }));
  if (options.json) {
    io.out(
      jsonDocument({
        ...{ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), dry_run: true },
        ...{ removed_by_age: byAge.records, removed_by_size: null },
        ...{ bytes_before: bytes, bytes_after: null },
      }),
    );
    return;
  }
  io.out(`would remove ${formatCount(byAge.records)} records of ${formatCount(byAge.runs)} runs by age\n`);
  const excess = bytes - policy.maxBytes;
  io.out(
    excess > 0
      ? `then the oldest runs, as long as the ${formatSize(bytes)} of now exceed ${formatSize(policy.maxBytes)}\n`
      : `nothing by size: ${formatSize(bytes)} of ${formatSize(policy.maxBytes)}\n`,
  );
}

function pruneFile(location: string, policy: RetentionPolicy): Promise<PruneReport> {
  return withStore(location, (store) => store.prune(policy));
}

function describeOption(option: {
  description: string;
  defaultValue?: unknown;
  long?: string | undefined | null;
}): string {
  if (typeof option.defaultValue !== 'number') return option.description;
  const text =
    option.long === '--max-bytes' ? formatSize(option.defaultValue) : formatDuration(option.defaultValue);
  return `${option.description} (default: ${text})`;
}

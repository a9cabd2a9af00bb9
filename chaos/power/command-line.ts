import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteRecordStore } from 'runledger/sql';
import { restore, type StoreNote } from './ledger-at.ts';

/** What `runledger recover` and `runledger verify` made of a spool, and what is in the file then. */
export interface RecoveredByCommand {
  /** Revisions by record. */
  readonly revisions: ReadonlyMap<string, number>;
  readonly lost: number;
  readonly missing: number;
  readonly faults: readonly string[];
}

/** Takes a spool away and recovers it into an SQLite ledger that has what was noted, by the command line alone. */
export async function recoverByCommand(
  root: string,
  folder: string,
  spool: string,
  notes: Iterable<StoreNote>,
): Promise<RecoveredByCommand> {
  const path = join(folder, 'ledger.db');
  const store = new SqliteRecordStore({ path });
  await store.init();
  await restore(store, notes);
  await store.close();
  renameSync(spool, `${path}.spool`);
  const run = (command: string): Record<string, unknown> =>
    JSON.parse(outputOf(root, folder, [command, '--json', '--ledger', path])) as Record<string, unknown>;
  const recovery = run('recover');
  const faults = recovery.left === 0 ? [] : [`runledger recover left ${String(recovery.left)}`];
  const { is_complete: isComplete } = run('verify');
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database.prepare('select record_id, rev from execution_records').all();
    const sums = database.prepare(SUMS).get() as Record<'lost' | 'missing' | 'negative', number>;
    const { lost, missing, negative } = sums;
    if (negative > 0) faults.push(`the view lost_records has ${negative} instances with too many records`);
    if (isComplete !== (missing === 0))
      faults.push(`runledger verify says complete: ${String(isComplete)}, with ${missing} missing`);
    const revisions = new Map(rows.map((row) => [String(row.record_id), Number(row.rev)]));
    return { revisions, lost, missing, faults };
  } finally {
    database.close();
  }
}

const SUMS = `select coalesce(sum(lost), 0) as lost, coalesce(sum(missing), 0) as missing,
  coalesce(sum(missing < 0), 0) as negative from lost_records`;

/** Where records are missing the exit code says so too. */
function outputOf(root: string, folder: string, args: readonly string[]): string {
  const options = { cwd: folder, env: { PATH: process.env.PATH }, encoding: 'utf8', stdio: 'pipe' } as const;
  try {
    return execFileSync(process.execPath, [join(root, 'dist', 'cli.js'), ...args], options);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    if (stdout === '') throw new Error(`runledger ${args[0]}: ${stderr.slice(0, 500)}`);
    return stdout;
  }
}

// Removes what is too old a minute after the start, with a clock that skips the minute.
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { runPipeline } from '../../../src/index.ts';

const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, delay, ...rest) =>
  setTimeout(callback, delay === 60_000 ? 0 : delay, ...rest);

runPipeline('import', () => {});
const ledger = '.runledger/ledger.db';
const rowsOf = (name) => {
  const database = new DatabaseSync(ledger, { readOnly: true });
  const { rows } = database
    .prepare('select count(*) as rows from execution_records where name = ?')
    .get(name);
  database.close();
  return rows;
};
while (!existsSync(ledger) || rowsOf('ancient') > 0) await pause(5);

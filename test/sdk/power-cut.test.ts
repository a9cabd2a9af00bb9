import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createProgramFolder, type ProgramFolder, programPath, REGISTER } from '../support/program.ts';

jest.setTimeout(120_000);
const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0;

let folder: ProgramFolder;
beforeEach(async () => {
  folder = await createProgramFolder();
});
afterEach(() => folder.remove());

/** How often a program that stores a run has its ledger's write-ahead log forced to disk. */
function logSyncs(durability: string): number {
  const trace = join(folder.path, `${durability}.trace`);
  const args = ['-f', '-qq', '-y', '-o', trace, '-e', 'trace=fsync,fdatasync', '-e', 'signal=none'];
  const program = [process.execPath, '--import', REGISTER, programPath('pipeline.mjs')];
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    RUNLEDGER_STORE: `sqlite:${join(folder.path, `${durability}.db`)}`,
    RUNLEDGER_DURABILITY: durability,
    RUNLEDGER_DRAIN_ON_EXIT: 'true',
  };
  const { status, stderr } = spawnSync('strace', [...args, ...program], { cwd: folder.path, env });
  expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: '' });
  return [...readFileSync(trace, 'utf8').matchAll(/sync\(\d+<[^>]+\.db-wal>/g)].length;
}

(hasStrace || process.env.CI !== undefined ? describe : describe.skip)('with durability `os`', () => {
  it('the file of the ledger is as safe as the spool that its records leave', () => {
    // One that is closed is forced to disk whatever its durability.
    const whenClosed = logSyncs('process');
    expect(logSyncs('os')).toBeGreaterThan(whenClosed + 1);
  });
});

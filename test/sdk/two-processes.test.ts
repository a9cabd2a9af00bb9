import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createProgramFolder, type ProgramFolder, REGISTER } from '../support/program.ts';

let folder: ProgramFolder;

beforeEach(async () => {
  folder = await createProgramFolder();
});
afterEach(() => folder.remove());

/** Runs one half of a run in a process of its own, with a ledger in the same file, and returns what it hands over. */
async function half(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await folder.run('hand-over.mjs', {
    args,
    node: ['--import', REGISTER],
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

describe('a run in two processes', () => {
  it('is one row where it is detached in one and ends in the other, which names the step that failed', async () => {
    const token = await half('detach');
    expect(folder.rows()).toEqual([
      expect.objectContaining({ name: 'download', outcome: 'success' }),
      expect.objectContaining({ name: 'import', state: 'suspended', outcome: null }),
    ]);
    await half('attach', token);

    const [download, run, load, write, ...more] = folder.rows();
    expect(more).toEqual([]);
    expect(run).toMatchObject({
      kind: 'pipeline',
      name: 'import',
      run_id: 'run-1',
      correlation_id: 'orders',
      attempt: 2,
      state: 'ended',
      outcome: 'failure',
      error: 'TypeError: row 7 has no date',
      failed_step: 'load',
      failed_record_id: load?.record_id,
      checkpoint_count: 1,
    });
    expect(run?.duration_ms).toBeGreaterThan(run?.suspended_ms ?? Number.POSITIVE_INFINITY);
    expect(run?.suspended_ms).toBeGreaterThan(0);
    expect([download, write, load].map((row) => [row?.name, row?.run_id, row?.parent_record_id])).toEqual([
      ['download', 'run-1', run?.record_id],
      ['write', 'run-1', run?.record_id],
      ['load', 'run-1', write?.record_id],
    ]);
    expect(write?.pid).not.toBe(download?.pid);
  });

  it('is one run where a message carries it, each execution below the one that sent the message', async () => {
    await half('extract', await half('inject'));

    const [run, load, receive, send, ...more] = folder.rows();
    expect(more).toEqual([]);
    expect([run, send, receive, load].map((row) => [row?.name, row?.run_id, row?.parent_record_id])).toEqual([
      ['import', 'run-1', null],
      ['send', 'run-1', run?.record_id],
      ['receive', 'run-1', send?.record_id],
      ['load', 'run-1', receive?.record_id],
    ]);
    expect(receive).toMatchObject({
      pipeline: 'import',
      tenant: 'acme',
      outcome: 'failure',
      failed_step: 'load',
      trace_id: run?.trace_id,
      parent_span_id: send?.span_id,
    });
    expect(receive?.pid).not.toBe(send?.pid);
    expect(run).toMatchObject({ outcome: 'success', failed_step: null });
  });
});

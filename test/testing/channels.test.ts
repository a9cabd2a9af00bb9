import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { conformanceTests, recordInLedger, recordInProcess } from '../../src/testing.ts';
import { killAndSucceed, SUCCESSOR } from '../support/killed-process.ts';
import {
  createProgramFolder,
  type ProgramFolder,
  type ProgramOptions,
  REGISTER,
} from '../support/program.ts';
import { runTasks } from './fixtures/channel-runner.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/channel-program.ts', import.meta.url));
const INDEX = new URL('../../src/index.ts', import.meta.url).href;
const recording = recordInProcess();
let folder: ProgramFolder;

beforeAll(async () => {
  folder = await createProgramFolder();
});
afterAll(async () => {
  await recording.close();
  await folder.remove();
});

const runProgram = (program: string, options: ProgramOptions) =>
  folder.run(program, { ...options, node: ['--import', REGISTER] });
/** The folder is made before the first test. */
const inFolder = {
  start() {},
  rows: async () => {
    const rows = await recordInLedger(join(folder.path, '.runledger', 'ledger.db')).rows();
    return rows.filter(({ name }) => name !== SUCCESSOR);
  },
  close: () => Promise.resolve(),
};

const tests = conformanceTests({
  engine: 'runner',
  recording,
  scenarios: {
    success: ({ name, work: { extract, load } }) =>
      runTasks(name, [
        { title: 'extract', work: extract },
        { title: 'load', work: load },
      ]),
    inside: ({ name, work: { left, right } }) =>
      runTasks(
        name,
        [
          { title: 'left', work: left },
          { title: 'right', work: right },
        ],
        { atOnce: true },
      ),
    retry: ({ name, work: { flaky } }) => runTasks(name, [{ title: 'flaky', work: flaky, retries: 1 }]),
    failure: ({ name, work: { extract, load, report } }) =>
      runTasks(name, [
        { title: 'extract', work: extract },
        { title: 'load', work: load },
        { title: 'report', work: report },
      ]),
    exhausted: ({ name, work: { flaky } }) => runTasks(name, [{ title: 'flaky', work: flaky, retries: 1 }]),
    parallel: ({ name, work: { left, right } }) =>
      runTasks(
        name,
        [
          { title: 'left', work: left },
          { title: 'right', work: right },
        ],
        { atOnce: true },
      ),
    skip: ({ name, work: { load } }) =>
      runTasks(name, [
        { title: 'archive', skip: 'nothing to archive' },
        { title: 'load', work: load },
      ]),
    cancel: async ({ name, work: { sync, started } }) => {
      const controller = new AbortController();
      void started.then(() => controller.abort());
      await runTasks(name, [{ title: 'sync', work: sync }], { signal: controller.signal });
    },
    timeout: ({ name, work: { sync } }) => runTasks(name, [{ title: 'sync', work: sync, limitMs: 20 }]),
    reject: {
      unit: 'pipeline',
      run: ({ work: { sync } }) => runTasks('sync', [{ title: 'all', work: sync }], { limit: 0 }),
    },
    nested: ({ name, work: { download, unpack } }) =>
      runTasks(name, [
        {
          title: 'prepare',
          tasks: [
            { title: 'download', work: download },
            { title: 'unpack', work: unpack },
          ],
        },
      ]),
    'cross-process': {
      recording: inFolder,
      run: async () => {
        const { stdout: carrier } = await runProgram(PROGRAM, { args: ['begin'] });
        await runProgram(PROGRAM, { args: ['ship', carrier] });
      },
    },
    crash: {
      recording: inFolder,
      run: () => killAndSucceed(folder.path, runProgram, PROGRAM, ['hang'], INDEX),
    },
  },
});

describe('a library that publishes on the pipeline channels', () => {
  it.each(tests.map(({ title, run }) => [title, run] as const))('%s', (_, run) => run());
});

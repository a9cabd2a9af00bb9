import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  conformanceTests,
  type EngineDriver,
  recordInLedger,
  SCENARIO_IDS,
  type ScenarioDriver,
  type ScenarioId,
  type UnsupportedScenario,
} from '../../src/testing.ts';
import { createEngineApplication, type EngineApplication, LANES } from './engine-application.ts';
import { INSTALL_MILLIS } from './fixture-project.ts';
import { killAndSucceed, SUCCESSOR } from './killed-process.ts';
import type { ProgramOptions } from './program.ts';
import type { TestServer } from './server-process.ts';

/** A server the engine keeps its work in, one for all scenarios: their programs keep out of each other's way. */
export interface ConformanceServer {
  /** Whether it can be started here. */
  readonly isInstalled: boolean;
  readonly start: () => Promise<TestServer>;
  /** How a program finds it. */
  readonly environment: (server: TestServer) => Readonly<Record<string, string>>;
}

/** How an engine differs from one that does every scenario as asked. */
export interface EngineConformance extends Pick<EngineDriver, 'engine' | 'unit' | 'namesRuns'> {
  /** What it can not express, and where it has words of its own. */
  readonly except: { readonly [Id in ScenarioId]?: UnsupportedScenario | Omit<ScenarioDriver<Id>, 'run'> };
  /** How its programs are run, beyond the name of the scenario. */
  readonly program?: ProgramOptions;
  readonly server?: ConformanceServer;
}

/**
 * Puts an engine through the scenarios of the conformance kit, each in a process of its own in which it is instrumented
 * when it is loaded: `test/engines/<engine>/conformance.mjs <scenario>`. One that takes two processes is asked to `begin`,
 * and then to `ship`, given what the first one printed; one that is to be killed says `started` and its process id.
 */
export function describeEngineConformance({
  engine,
  except,
  program,
  server,
  ...traits
}: EngineConformance): void {
  (server?.isInstalled === false ? describe.skip : describe)(`${engine}, put through every scenario`, () => {
    let application: EngineApplication;
    let started: TestServer | undefined;

    beforeAll(async () => {
      const [newest] = LANES;
      if (newest === undefined) throw new Error('there is no lane');
      application = await createEngineApplication(engine, newest);
      started = await server?.start();
    }, INSTALL_MILLIS);
    afterAll(async () => {
      await application?.remove();
      await started?.dispose();
    });

    const recording = {
      start() {},
      rows: async () => {
        const rows = await recordInLedger(join(application.path, '.runledger', 'ledger.db')).rows();
        return rows.filter(({ name }) => name !== SUCCESSOR);
      },
      close: () => Promise.resolve(),
    };
    const runFile = (file: string, options: ProgramOptions) => {
      const surroundings = started === undefined ? undefined : server?.environment(started);
      const env = { ...program?.env, ...surroundings, ...options.env };
      return application.run(file, { ...program, ...options, env });
    };
    const runProgram = (...args: readonly string[]) => runFile('conformance.mjs', { args });
    const run = ({ id }: { readonly id: ScenarioId }) => runProgram(id);
    const crash = () => killAndSucceed(application.path, runFile, 'conformance.mjs', ['crash']);
    const crossProcess = async () => {
      const { stdout } = await runProgram('begin');
      await runProgram('ship', stdout);
    };
    const own: { readonly [Id in ScenarioId]?: () => Promise<void> } = {
      crash,
      'cross-process': crossProcess,
    };
    const answers = SCENARIO_IDS.map((id) => {
      const exception = except[id];
      if (exception !== undefined && 'unsupported' in exception) return [id, exception];
      return [id, { ...exception, run: own[id] ?? run }];
    });
    // Each scenario is answered: by the program, or by what the engine can not express.
    const scenarios = Object.fromEntries(answers) as EngineDriver['scenarios'];
    it('is in the documents with what it can not be asked', async () => {
      const reasons = SCENARIO_IDS.flatMap((id) => {
        const exception = except[id];
        return exception !== undefined && 'unsupported' in exception
          ? [`\`${id}\`: ${exception.unsupported}`]
          : [];
      });
      const document = await readFile(new URL('../../docs/engines.md', import.meta.url), 'utf8');
      expect(document.split('\n')).toContain(`| ${engine} | ${reasons.join('<br>') || '–'} |`);
    });
    const tests = conformanceTests({ ...traits, engine, recording, scenarios });
    it.each(tests.map(({ title, run: test }) => [title, test] as const))('%s', (_, test) => test(), 60_000);
  });
}

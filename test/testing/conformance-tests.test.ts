import { AssertionError } from 'node:assert';
import { describe, expect, it } from '@jest/globals';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { type Execution, extractExecution, injectExecution, runPipeline, runStep } from '../../src/index.ts';
import {
  conformanceScenario,
  conformanceTests,
  type EngineDriver,
  recordInLedger,
  recordInProcess,
  type ScenarioId,
  type ScenarioWork,
  unsupported,
} from '../../src/testing.ts';
import { Telemetry } from '../support/telemetry.ts';

const NOT_HERE = unsupported('it is another test that has it');
const NOWHERE = { start() {}, rows: async () => [], close: () => Promise.resolve() };

const EVERY_OTHER: EngineDriver['scenarios'] = {
  success: NOT_HERE,
  inside: NOT_HERE,
  retry: NOT_HERE,
  failure: NOT_HERE,
  exhausted: NOT_HERE,
  parallel: NOT_HERE,
  skip: NOT_HERE,
  cancel: NOT_HERE,
  timeout: NOT_HERE,
  reject: NOT_HERE,
  nested: NOT_HERE,
  'cross-process': NOT_HERE,
  crash: NOT_HERE,
};

/** What the test of one scenario says of a driver; undefined where it passes. */
async function verdict(
  id: ScenarioId,
  scenarios: Partial<EngineDriver['scenarios']>,
  driver: Partial<EngineDriver> = {},
): Promise<AssertionError | undefined> {
  const recording = recordInProcess();
  const tests = conformanceTests({
    engine: 'mine',
    recording,
    ...driver,
    scenarios: { ...EVERY_OTHER, ...scenarios },
  });
  const test = tests.find(({ scenario }) => scenario === id);
  try {
    await test?.run();
    return undefined;
  } catch (error) {
    if (error instanceof AssertionError) return error;
    throw error;
  } finally {
    await recording.close();
  }
}

type WrongRun = (pipeline: Execution, work: ScenarioWork<'success'>) => Promise<void>;

const attributes = { 'runledger.engine': 'mine' };

describe('the conformance tests of an engine', () => {
  it('pass for what is on record as it should be, named and unnamed', async () => {
    const run: EngineDriver['scenarios']['success'] = ({ name, work }) =>
      runPipeline(name, { attributes }, async (pipeline) => {
        await pipeline.step('extract', { attributes }, () => work.extract());
        await pipeline.step('load', { attributes }, () => work.load());
      });
    expect(await verdict('success', { success: run })).toBeUndefined();
    const unnamed: EngineDriver['scenarios']['success'] = ({ work }) =>
      run({ ...conformanceScenario('success'), name: 'x', work });
    expect((await verdict('success', { success: unnamed }))?.actual).toContain('pipeline x: success');
    expect(await verdict('success', { success: unnamed }, { namesRuns: false })).toBeUndefined();
  });

  it('count what a run recovered from in other processes, too', async () => {
    const retry: EngineDriver['scenarios']['retry'] = ({ name, work }) =>
      runPipeline(name, { attributes }, async () => {
        const carrier = {};
        injectExecution(carrier);
        const elsewhere = context.with(ROOT_CONTEXT, () => extractExecution(carrier));
        for (const attempt of [1, 2]) {
          const options = { attributes, attempt, maxAttempts: 2, final: attempt === 2 };
          await context.with(elsewhere, () => runStep('flaky', options, () => work.flaky()).catch(() => {}));
        }
      });
    expect(await verdict('retry', { retry })).toBeUndefined();
  });

  it('show what is expected and what is on record, side by side', async () => {
    const error = await verdict('failure', {
      failure: ({ name, work }) =>
        runPipeline(name, { attributes }, async (pipeline) => {
          await pipeline.step('extract', { attributes }, () => work.extract());
          await pipeline.step('load', { attributes }, () => work.load()).catch(() => {});
          await pipeline.step('report', { attributes }, () => work.report());
        }),
    });
    expect(error?.expected).toBe(
      [
        '  pipeline conformance-failure: failure, error type "TypeError", error message "no such column", failed step "load"',
        '    step extract: success',
        '    step load: failure, error type "TypeError", error message "no such column"',
      ].join('\n'),
    );
    expect(error?.actual).toBe(
      [
        '  pipeline conformance-failure: success, recovered failures 1',
        '    step extract: success',
        '    step load: failure, error type "TypeError", error message "no such column"',
        '    step report: success',
      ].join('\n'),
    );
    expect(error?.message).toContain('mine, failure: the records are not as expected');
    expect(error?.message).toContain('"load" throws, so "report" never starts');
  });

  it.each([
    [
      'an execution too many',
      'step load: success\n    step load: success',
      async (pipeline, work) => {
        await pipeline.step('extract', { attributes }, () => work.extract());
        await pipeline.step('load', { attributes }, () => work.load());
        await pipeline.step('load', { attributes }, () => work.load());
      },
    ],
    [
      'another engine',
      'step load: success, of engine "other"',
      async (pipeline, work) => {
        await pipeline.step('extract', { attributes }, () => work.extract());
        await pipeline.step('load', { attributes: { 'runledger.engine': 'other' } }, () => work.load());
      },
    ],
    [
      'a wrong kind',
      'process load: success',
      async (pipeline, work) => {
        await pipeline.step('extract', { attributes }, () => work.extract());
        await pipeline.process('load', { attributes }, () => work.load());
      },
    ],
  ] as readonly (readonly [string, string, WrongRun])[])('find %s', async (_, line, wrong) => {
    const error = await verdict('success', {
      success: ({ name, work }) => runPipeline(name, { attributes }, (pipeline) => wrong(pipeline, work)),
    });
    expect(error?.actual).toContain(line);
  });

  it('find code that is not inside its execution, and an attempt that passes for the last one', async () => {
    const outside = await verdict('inside', {
      inside: ({ name, work }) =>
        runPipeline(name, { attributes }, async (pipeline) => {
          const [left, right] = [
            pipeline.startStep('left', { attributes }),
            pipeline.startStep('right', { attributes }),
          ];
          await Promise.all([left.run(() => work.left()), work.right()]);
          left.end();
          right.end();
        }),
    });
    expect(outside?.actual).toMatch(
      /step left: success, inside\n.*step right: success, not inside \(no execution\)/,
    );
    const last = await verdict('retry', {
      retry: ({ name, work: { flaky } }) =>
        runPipeline(name, { attributes }, async (pipeline) => {
          await pipeline.step('flaky', { attributes, final: true }, () => flaky()).catch(() => {});
          await pipeline.step('flaky', { attributes, attempt: 2 }, () => flaky());
        }),
    });
    expect(last?.actual).toContain(
      'step flaky: failure, error type "RangeError", error message "not yet", marked as the last attempt',
    );
  });

  it('leave processes an engine makes of its own out of account, and know its own words', async () => {
    const error = await verdict('skip', {
      skip: {
        differences: { archive: { skipReason: 'off' } },
        run: ({ name, work }) =>
          runPipeline(name, { attributes }, (pipeline) =>
            pipeline.process('group 1', { attributes }, async (group) => {
              group.step('archive', { attributes }, (step) => step.skip('off'));
              await group.step('load', { attributes }, () => work.load());
            }),
          ),
      },
    });
    expect(error).toBeUndefined();
  });

  it('expect units the engine can not do without, as often as they are named', async () => {
    const asked = (times: number) =>
      verdict('success', {
        success: {
          besides: { run: ['model', 'model'] },
          run: ({ name, work }) =>
            runPipeline(name, { attributes }, async (pipeline) => {
              for (let time = 0; time < times; time++) await pipeline.step('model', { attributes }, () => {});
              await pipeline.step('extract', { attributes }, () => work.extract());
              await pipeline.step('load', { attributes }, () => work.load());
            }),
        },
      });
    expect(await asked(2)).toBeUndefined();
    expect((await asked(1))?.actual).not.toMatch(/step model: success[\s\S]*step model: success/);
    expect((await asked(3))?.actual).toMatch(/(?:step model: success[\s\S]*){3}/);
  });

  it('fit an engine whose every unit is a run', async () => {
    const attempt = (work: () => Promise<void>, number: number) =>
      runPipeline('flaky', { attributes, attempt: number }, () => work());
    const error = await verdict(
      'retry',
      {
        retry: async ({ work: { flaky } }) => {
          await attempt(flaky, 1).catch(() => {});
          await attempt(flaky, 2);
        },
      },
      { unit: 'pipeline' },
    );
    expect(error).toBeUndefined();
  });

  it('say what the run rejected with, where that is not what was asked for', async () => {
    const error = await verdict('success', {
      success: async () => {
        throw new TypeError('the driver is wrong');
      },
    });
    expect(error?.actual).toBe('(nothing)');
    expect(error?.message).toContain('The run rejected with TypeError: the driver is wrong');
  });

  it('leave no scenario out silently', () => {
    const { crash: _, ...scenarios } = EVERY_OTHER;
    const driver = (given: object) =>
      ({ engine: 'mine', recording: NOWHERE, scenarios: given }) as EngineDriver;
    expect(() => conformanceTests(driver(scenarios))).toThrow('the driver of mine says nothing about crash');
    expect(() => conformanceTests(driver({ ...EVERY_OTHER, succes: NOT_HERE }))).toThrow(
      'there is no scenario succes',
    );
    expect(() => unsupported(' ')).toThrow('unsupported needs a reason');
    expect(
      conformanceTests(driver(EVERY_OTHER)).map(({ title, unsupported }) => [title, unsupported]),
    ).toContainEqual([
      'crash: unsupported, it is another test that has it',
      'it is another test that has it',
    ]);
    expect(() => conformanceScenario('succes' as never)).toThrow('there is no scenario "succes"');
  });
});

describe('recordings', () => {
  it('start no second SDK', () => {
    const telemetry = new Telemetry();
    expect(() => recordInProcess().start()).toThrow('this process has one already');
    telemetry.stop();
  });

  it('give the process back: another can start, and nothing is recorded after the end', async () => {
    for (const name of ['first', 'second']) {
      const recording = recordInProcess();
      await recording.start();
      runPipeline(name, () => {});
      expect((await recording.rows()).map((row) => row.name)).toEqual([name]);
      await recording.close();
      await recording.close();
      runPipeline('after', () => {});
      expect(await recording.rows()).toHaveLength(1);
    }
  });

  it('take a ledger that is not there for an empty one', async () => {
    expect(await recordInLedger('/nowhere/ledger.db').rows()).toEqual([]);
  });
});

import type { ScenarioExecution } from './expected-execution.ts';
import { SCENARIO_WORK, type ScenarioId, type ScenarioWork } from './scenario-work.ts';

/** What a scenario asks of an engine, and what must be on record afterwards. */
export interface ScenarioDefinition {
  /** What the engine must be made to do. */
  readonly asks: string;
  readonly run: ScenarioExecution;
}

/** A scenario for one run of it. */
export interface Scenario<Id extends ScenarioId = ScenarioId> {
  readonly id: Id;
  /** What to call the run, where the engine gives runs names. */
  readonly name: string;
  /** What the engine must be made to do, in words. */
  readonly asks: string;
  /** What its units do: the function `extract` belongs to the unit that is to be called `extract`. */
  readonly work: ScenarioWork<Id>;
}

type Part = Partial<Omit<ScenarioExecution, 'is' | 'name' | 'outcome'>>;

const unit = (name: string, outcome: ScenarioExecution['outcome'], more: Part = {}): ScenarioExecution => ({
  is: 'unit',
  name,
  outcome,
  ...more,
});

const run = (
  id: ScenarioId,
  outcome: ScenarioExecution['outcome'],
  children: readonly ScenarioExecution[],
  more: Part = {},
): ScenarioExecution => ({ is: 'run', name: nameOf(id), outcome, children, ...more });

const error = (errorType: string, errorMessage: string): Part => ({ errorType, errorMessage });
/** The engine's own words. */
const ANY_ERROR: Part = { errorType: undefined, errorMessage: undefined };

/** Every scenario, from the plain one to the ones that take several processes. */
export const SCENARIOS: Readonly<Record<ScenarioId, ScenarioDefinition>> = {
  success: {
    asks: 'a run of two units, "extract" and then "load"; both return',
    run: run('success', 'success', [unit('extract', 'success'), unit('load', 'success')]),
  },
  inside: {
    asks: 'a run of two units, "left" and "right", at once where the engine can do that; the code of each must find itself inside its own execution',
    run: run('inside', 'success', [
      unit('left', 'success', { isInside: true }),
      unit('right', 'success', { isInside: true }),
    ]),
  },
  retry: {
    asks: 'a run of one unit, "flaky", that may be tried twice: it throws the first time and returns the second',
    run: run(
      'retry',
      'success',
      [
        unit('flaky', 'failure', { attempt: 1, isLast: false, ...error('RangeError', 'not yet') }),
        unit('flaky', 'success', { attempt: 2 }),
      ],
      { recoveredFailures: 1 },
    ),
  },
  failure: {
    asks: 'a run of the units "extract", "load" and "report", one after the other, none of them tried twice; "load" throws, so "report" never starts',
    run: run(
      'failure',
      'failure',
      [unit('extract', 'success'), unit('load', 'failure', error('TypeError', 'no such column'))],
      { failedStep: 'load', ...error('TypeError', 'no such column') },
    ),
  },
  exhausted: {
    asks: 'a run of one unit, "flaky", that may be tried twice and throws both times',
    run: run(
      'exhausted',
      'failure',
      [
        unit('flaky', 'failure', { attempt: 1, isLast: false, ...error('RangeError', 'never') }),
        unit('flaky', 'failure', { attempt: 2, ...error('RangeError', 'never') }),
      ],
      // Of the attempts of one unit the engine's error may be one object or two that say the same.
      { failedStep: 'flaky', recoveredFailures: undefined, ...error('RangeError', 'never') },
    ),
  },
  parallel: {
    asks: 'a run of two units at once, "left" and "right"; "left" throws while "right" is at work; the run is over when both are',
    run: run(
      'parallel',
      'failure',
      [
        unit('left', 'failure', error('RangeError', 'left broke')),
        unit('right', ['success', 'cancellation'], ANY_ERROR),
      ],
      { failedStep: 'left', ...error('RangeError', 'left broke') },
    ),
  },
  skip: {
    asks: 'a run of two units, "archive" and then "load"; "archive" is skipped because there is "nothing to archive", "load" returns',
    run: run('skip', 'success', [
      unit('archive', 'skip', { skipReason: 'nothing to archive' }),
      unit('load', 'success'),
    ]),
  },
  cancel: {
    asks: 'a run of one unit, "sync", that is cancelled, by the means of the engine, while "sync" is at work; hand `sync` the signal the engine gives',
    run: run('cancel', 'cancellation', [unit('sync', 'cancellation', ANY_ERROR)], ANY_ERROR),
  },
  timeout: {
    asks: 'a run of one unit, "sync", that takes longer than its limit, which is the engine\'s to set and to end it by',
    run: run('timeout', 'timeout', [unit('sync', 'timeout', ANY_ERROR)], {
      ...ANY_ERROR,
      failedStep: 'sync',
    }),
  },
  reject: {
    asks: 'a unit, "sync", that is not admitted since more would be under way than a rate limit allows; its work is never called',
    run: run('reject', 'success', [
      unit('sync', 'rejection', { rejectionReason: 'rate_limit', ...ANY_ERROR }),
    ]),
  },
  nested: {
    asks: 'a run of a process, "prepare", which has two units, "download" and then "unpack"; "unpack" throws',
    run: run(
      'nested',
      'failure',
      [
        {
          is: 'process',
          name: 'prepare',
          outcome: 'failure',
          failedStep: 'unpack',
          ...error('TypeError', 'not a zip file'),
          children: [
            unit('download', 'success'),
            unit('unpack', 'failure', error('TypeError', 'not a zip file')),
          ],
        },
      ],
      { failedStep: 'unpack', ...error('TypeError', 'not a zip file') },
    ),
  },
  'cross-process': {
    asks: 'a run that is started in one process and whose unit "ship" is done by another; both belong to one run',
    run: run('cross-process', 'success', [unit('ship', 'success')]),
  },
  crash: {
    asks: 'a run of one unit, "sync", whose process is killed (SIGKILL) while "sync" is at work; a process started later in its place finds what was left',
    run: run('crash', 'error', [unit('sync', 'error', { ...ANY_ERROR, errorType: 'interrupted' })], {
      ...ANY_ERROR,
      errorType: 'interrupted',
      failedStep: undefined,
    }),
  },
};

/** Names of the scenarios, in order. */
export const SCENARIO_IDS: readonly ScenarioId[] = Object.keys(SCENARIOS) as readonly ScenarioId[];

/**
 * A scenario by its name, for a program of its own that an engine runs in. Throws a `RangeError` for any other name.
 */
export function conformanceScenario<Id extends ScenarioId>(id: Id): Scenario<Id> {
  if (!Object.hasOwn(SCENARIOS, id))
    throw new RangeError(`there is no scenario "${id}"; there are ${SCENARIO_IDS.join(', ')}`);
  // A function of the table by its own key: TypeScript sees the union of all.
  const work = SCENARIO_WORK[id]() as ScenarioWork<Id>;
  return { id, name: nameOf(id), asks: SCENARIOS[id].asks, work };
}

function nameOf(id: ScenarioId): string {
  return `conformance-${id}`;
}

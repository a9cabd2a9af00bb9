import { AssertionError } from 'node:assert';
import type { ExecutionRow } from '../store/execution-row.ts';
import { type Difference, expectedOf, type UnitKind } from './expected-execution.ts';
import { compareRecords } from './record-forest.ts';
import type { Recording } from './recordings.ts';
import type { ScenarioId } from './scenario-work.ts';
import { conformanceScenario, SCENARIO_IDS, SCENARIOS, type Scenario } from './scenarios.ts';

/**
 * Makes the engine do what a scenario asks, and resolves or rejects when all of it is over: that a run which has to fail
 * rejects is no failure of the test.
 */
export type ScenarioRun<Id extends ScenarioId = ScenarioId> = (scenario: Scenario<Id>) => unknown;

/** A scenario in which the engine has words, or a form, of its own. */
export interface ScenarioDriver<Id extends ScenarioId = ScenarioId> {
  readonly run: ScenarioRun<Id>;
  /** @default that of the engine */
  readonly unit?: UnitKind | undefined;
  /** Where the records of this scenario are: those of several processes are in no memory. @default that of the engine */
  readonly recording?: Recording | undefined;
  /** What the engine says instead, by name of the unit, `flaky #1` for one attempt of it; `run` for the run itself. */
  readonly differences?: Readonly<Record<string, Difference>> | undefined;
  /**
   * Units the engine can not do without, such as the call of a model that asks for tools: their names, by the name of what
   * they are in; `run` for the run itself. Each is expected once for each time it is named, and to succeed. @default none
   */
  readonly besides?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** A scenario the engine can not express. Made by {@link unsupported}. */
export interface UnsupportedScenario {
  readonly unsupported: string;
}

/** How an engine is made to do what each scenario asks. Every scenario has an answer. */
export interface EngineDriver {
  /** What `runledger.engine` says on its executions. */
  readonly engine: string;
  readonly recording: Recording;
  /** What its units of work are. @default 'step' */
  readonly unit?: UnitKind | undefined;
  /** Whether a run has the name it is given; `false` where the engine has no names for runs. @default true */
  readonly namesRuns?: boolean | undefined;
  readonly scenarios: {
    readonly [Id in ScenarioId]: ScenarioRun<Id> | ScenarioDriver<Id> | UnsupportedScenario;
  };
}

/** One test, for whichever test runner there is. */
export interface ConformanceTest {
  readonly scenario: ScenarioId;
  /** What to call it: the scenario and what it asks, or why there is nothing to run. */
  readonly title: string;
  /** Why the engine can not express it; undefined where it can. */
  readonly unsupported: string | undefined;
  /** Runs it. Rejects with an `AssertionError` that shows what is expected and what is on record. */
  readonly run: () => Promise<void>;
}

/** Says that an engine can not express a scenario, and why. The reason becomes part of the test's title. */
export function unsupported(reason: string): UnsupportedScenario {
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new TypeError('unsupported needs a reason: what the engine can not express');
  return { unsupported: reason };
}

/**
 * The tests an engine passes whose executions are on record as they should be: one for each scenario, in order, to be
 * run one after the other. Works with every test runner:
 *
 * ```js
 * for (const { title, run } of conformanceTests(driver)) test(title, run);
 * ```
 *
 * Throws a `TypeError` for a scenario the driver says nothing about: none is left out silently.
 */
export function conformanceTests(driver: EngineDriver): readonly ConformanceTest[] {
  checkDriver(driver);
  const started = new Map<Recording, Promise<void>>();
  const start = (recording: Recording) => {
    const starting = started.get(recording) ?? Promise.resolve().then(() => recording.start());
    started.set(recording, starting);
    return starting;
  };
  return SCENARIO_IDS.map((id) => testOf(id, driver, start));
}

function testOf(
  id: ScenarioId,
  driver: EngineDriver,
  start: (recording: Recording) => Promise<void>,
): ConformanceTest {
  const answer = driver.scenarios[id];
  if ('unsupported' in answer) {
    const { unsupported: reason } = answer;
    return { scenario: id, title: `${id}: unsupported, ${reason}`, unsupported: reason, run: async () => {} };
  }
  // Each answer takes the scenario of its own name.
  const own = (typeof answer === 'function' ? { run: answer } : answer) as ScenarioDriver;
  const recording = own.recording ?? driver.recording;
  return {
    scenario: id,
    title: `${id}: ${SCENARIOS[id].asks}`,
    unsupported: undefined,
    run: async () => {
      await start(recording);
      check(id, driver, own, await recorded(recording, () => own.run(conformanceScenario(id))));
    },
  };
}

interface Recorded {
  readonly rows: readonly ExecutionRow[];
  /** What the run rejected with, in words. */
  readonly rejection: string | undefined;
}

/** The records that running a scenario adds. */
async function recorded(recording: Recording, run: () => unknown): Promise<Recorded> {
  const before = new Set((await recording.rows()).map((row) => row.record_id));
  let rejection: string | undefined;
  try {
    await run();
  } catch (error) {
    rejection = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const rows = (await recording.rows()).filter((row) => !before.has(row.record_id));
  return { rows, rejection };
}

function check(
  id: ScenarioId,
  driver: EngineDriver,
  own: ScenarioDriver,
  { rows, rejection }: Recorded,
): void {
  const expectation = expectedOf(SCENARIOS[id].run, {
    unit: own.unit ?? driver.unit ?? 'step',
    namesRuns: driver.namesRuns ?? true,
    differences: own.differences ?? {},
    besides: own.besides ?? {},
  });
  const { expected, recorded: actual } = compareRecords(rows, expectation, driver.engine);
  if (actual === expected) return;
  const message = [
    `${driver.engine}, ${id}: the records are not as expected.`,
    `It was asked for ${SCENARIOS[id].asks}.`,
    `expected:\n${expected}`,
    `recorded:\n${actual}`,
    ...(rejection === undefined ? [] : [`The run rejected with ${rejection}`]),
  ].join('\n');
  throw new AssertionError({
    message,
    expected,
    actual,
    operator: 'conformance',
  });
}

function checkDriver({ engine, scenarios }: EngineDriver): void {
  const missing = SCENARIO_IDS.filter((id) => scenarios[id] === undefined);
  if (missing.length > 0)
    throw new TypeError(
      `the driver of ${engine} says nothing about ${missing.join(', ')}; say unsupported(reason) of what it can not express`,
    );
  const unknown = Object.keys(scenarios).filter((id) => !(SCENARIO_IDS as readonly string[]).includes(id));
  if (unknown.length > 0)
    throw new TypeError(`there is no scenario ${unknown.join(', ')}; there are ${SCENARIO_IDS.join(', ')}`);
}

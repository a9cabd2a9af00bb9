import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { Deferred } from '../export/deferred.ts';
import { currentExecution } from '../lifecycle/current-execution.ts';

/** What a unit of a scenario does when the engine calls it. Looks at no argument unless it says so. */
export type UnitWork = (...ignored: unknown[]) => Promise<void>;

/** Work that lasts until the signal it is given aborts, and then rejects as `node:timers/promises` does. */
export type EndlessWork = (signal?: AbortSignal) => Promise<void>;

/** Longest that work waits for a signal, or for work that should run beside it. Milliseconds. */
const PATIENCE_MS = 60_000;

/** The attribute by which a unit says from inside which execution it found itself in. */
export const ATTR_INSIDE = 'runledger.conformance.inside';

/**
 * The work of every scenario, made anew for each run of it. An engine is handed these functions as its own tasks,
 * nodes or handlers; one whose processes share nothing makes them in the process that calls them.
 */
export const SCENARIO_WORK = {
  success: () => ({ extract: quickly, load: quickly }),
  inside: () => ({ left: noting('left'), right: noting('right') }),
  retry: () => ({ flaky: failingFirst(new RangeError('not yet')) }),
  failure: () => ({ extract: quickly, load: failing(new TypeError('no such column')), report: quickly }),
  exhausted: () => ({ flaky: failing(new RangeError('never')) }),
  parallel: () => atOnce(new RangeError('left broke')),
  skip: () => ({ load: quickly }),
  cancel: () => started(),
  timeout: () => started(),
  reject: () => ({ sync: failing(new Error('it was admitted')) }),
  nested: () => ({ download: quickly, unpack: failing(new TypeError('not a zip file')) }),
  'cross-process': () => ({ ship: quickly }),
  crash: () => started(),
} as const;

/** Names of the scenarios. */
export type ScenarioId = keyof typeof SCENARIO_WORK;

/** The functions of a scenario, by the name of their unit. */
export type ScenarioWork<Id extends ScenarioId> = ReturnType<(typeof SCENARIO_WORK)[Id]>;

/** Not at once: what runs in parallel then really does. */
async function quickly(): Promise<void> {
  await delay(2);
}

function failing(error: Error): UnitWork {
  return async () => {
    await delay(2);
    throw error;
  };
}

function failingFirst(error: Error): UnitWork {
  let calls = 0;
  return async () => {
    await delay(2);
    if (++calls === 1) throw error;
  };
}

function noting(unit: string): UnitWork {
  return async () => {
    await delay(5);
    const span = trace.getActiveSpan()?.spanContext().spanId;
    currentExecution()?.add({ attributes: { [ATTR_INSIDE]: `${unit} in ${span}` } });
  };
}

function atOnce(error: Error): { readonly left: UnitWork; readonly right: UnitWork } {
  const left = new Deferred();
  const right = new Deferred();
  return {
    left: async () => {
      left.resolve();
      await inTime(right.promise);
      throw error;
    },
    right: async () => {
      right.resolve();
      await inTime(left.promise);
      await delay(10);
    },
  };
}

async function inTime(other: Promise<void>): Promise<void> {
  const late = delay(PATIENCE_MS, 'late', { ref: false });
  if ((await Promise.race([other, late])) === 'late') throw new Error('left and right did not run at once');
}

function started(): { readonly sync: EndlessWork; readonly started: Promise<void> } {
  const begun = new Deferred();
  return {
    sync: async (signal) => {
      begun.resolve();
      await delay(PATIENCE_MS, undefined, signal instanceof AbortSignal ? { signal } : {});
    },
    /** Resolves once `sync` is under way. */
    started: begun.promise,
  };
}

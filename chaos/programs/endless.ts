/**
 * An application that leaks: it starts executions by every way there is, drops what it got and ends none of them, each
 * under a name of its own, with ordinary runs beside. Says what the process has become by that.
 */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import {
  createRunledger,
  type Execution,
  PipelineHooks,
  runPipeline,
  startPipeline,
  withRunledger,
} from 'runledger';
import type { WriterPlan, WriterReport } from './plan.ts';
import { execute, tell } from './work.ts';

/** What an application that leaks starts and never ends, by the way it is started. */
export interface NeverEnded {
  /** Handles of `startPipeline` and `startStep`, whose references are dropped. */
  handles: number;
  /** Functions of `runPipeline` whose promise never settles. */
  promises: number;
  /** Spans of another library, in a handle's run. */
  spans: number;
  /** Starts told to `PipelineHooks`, which gives up the oldest when there are too many. */
  hooks: number;
  /** Pipelines that are interrupted and never resumed. */
  suspended: number;
}

/** What has become of the process. */
export interface EndlessReport extends WriterReport {
  readonly neverEnded: NeverEnded;
  readonly live: number;
  /** What is alive in the heap, found by a full collection. Bytes. */
  readonly heap: number;
  /** Hooks that were not given up, so that nothing is known of their end. */
  readonly openHooks: number;
  readonly thrown: readonly string[];
}

/** Starts between two turns of the event loop. */
const STARTS_A_TURN = 100;
/** Starts for each ordinary run. */
const STARTS_A_RUN = 1_000;
/** How often it says how it does. */
export const PARTS = 20;
/** How many there are for each that is started before, and ended. */
const WARM_SHARE = 4;
/** Executions that run at once before anything leaks, of which each is ended. */
const WARM_AT_ONCE = 10_000;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { writer, store, directory, durability } = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
  const starts = Number(process.env.CHAOS_STARTS);
  const port = Number(process.env.CHAOS_PORT);
  process.env.RUNLEDGER_DURABILITY = durability;
  const ledger = createRunledger({ store, directory, retention: false, prometheus: { port } });
  const configuration = { serviceName: 'chaos', autoDetectResources: false, spanProcessors: [] };
  const sdk = new NodeSDK(withRunledger(configuration, ledger));
  sdk.start();
  const neverEnded: NeverEnded = { handles: 0, promises: 0, spans: 0, hooks: 0, suspended: 0 };
  // What a runner tells us of is kept with its span until its end is told, or there are this many: 2 KB each.
  const hooks = new PipelineHooks({ maxOpenExecutions: 1_000 });
  const thrown = new Set<string>();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const rss = { max: 0, now: 0 };
  const sample = (): void => {
    rss.now = process.memoryUsage.rss();
    rss.max = Math.max(rss.max, rss.now);
  };
  const state = (type: WriterReport['type']): EndlessReport => {
    sample();
    const report: EndlessReport = {
      type,
      accounts: ledger.accounts(),
      loop: {
        p50: millis(delay.percentile(50)),
        p99: millis(delay.percentile(99)),
        p999: millis(delay.percentile(99.9)),
        max: millis(delay.max),
      },
      rss: { ...rss },
      neverEnded,
      // It would keep the heap small while it is measured.
      heap: type === 'state' ? 0 : heapUsed(),
      live: ledger.liveExecutions().length,
      openHooks: hooks.openExecutions,
      thrown: [...thrown].slice(0, 5),
    };
    rss.max = 0;
    delay.reset();
    return report;
  };

  let run = 0;
  // The same work by an application that forgets no end, until the heap is as large as that makes it.
  const open: (Execution | undefined)[] = [];
  for (let start = 0; start < starts / WARM_SHARE; start++) {
    const place = start % WARM_AT_ONCE;
    open[place]?.end();
    open[place] = startPipeline('endless no more');
    if (start % STARTS_A_RUN === 0) await execute(writer, run++);
    if (start % STARTS_A_TURN === 0) {
      await ledger.ready();
      await turn();
      sample();
    }
  }
  for (const execution of open.splice(0)) execution?.end();
  await ledger.forceFlush();
  tell(state('ready'));

  delay.enable();
  const sampler = setInterval(sample, 100);
  for (let start = 0; start < starts; start++) {
    try {
      startAndForget(start, hooks, neverEnded);
    } catch (error) {
      thrown.add(String(error));
    }
    if (start % STARTS_A_RUN === 0) await execute(writer, run++);
    if (start % STARTS_A_TURN === 0) await turn();
    if (start % Math.ceil(starts / PARTS) === 0) tell(state('state'));
  }
  clearInterval(sampler);
  tell(state('loaded'));

  // Until then it can be scraped.
  await once(createInterface({ input: process.stdin }), 'line');
  const shutdown = await ledger.shutdown();
  tell({ ...state('closed'), shutdown } as EndlessReport);
  await sdk.shutdown();
  process.exit();
}

/** Starts one execution, or a span beside it, that nobody is going to end or to ask for. */
function startAndForget(start: number, hooks: PipelineHooks, counts: NeverEnded): void {
  const name = `endless ${start}`;
  const place = start % 100;
  if (place === 0) {
    counts.hooks++;
    hooks.onPipelineStart({ id: name, name });
  } else if (place === 1 && start % 1_000 === 1) {
    counts.suspended++;
    startPipeline(name).interrupt('an answer that never comes');
  } else if (place < 30) {
    counts.promises++;
    void runPipeline(name, () => new Promise<never>(() => {}));
  } else if (place < 60) {
    counts.spans++;
    trace.getTracer('another library').startSpan(name, {}, ROOT_CONTEXT);
  } else if (place % 2 === 0) {
    counts.handles++;
    startPipeline(name);
  } else {
    counts.handles += 2;
    startPipeline(name).startStep(`${name}, step`);
  }
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function millis(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? Math.round(nanoseconds / 1e4) / 100 : 0;
}

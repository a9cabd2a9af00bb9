/** A runner that makes names out of ids: no pipeline, step or error type has one that was there before. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { createRunledger, PipelineHooks, withRunledger } from 'runledger';
import type { WriterPlan, WriterReport } from './plan.ts';
import { tell } from './work.ts';

/** What the process has become by that. */
export interface NamesReport extends WriterReport {
  /** What is alive in the heap, found by a full collection. Bytes. */
  readonly heap: number;
}

/** How often it says how it does, once it is warm. */
export const PARTS = 10;
/** Runs of names that come again, before: by then the garbage of such work has made the heap as large as it gets. */
const WARM_RUNS = 30_000;
/** One pipeline in so many fails, each with an error of a type of its own. */
const FAILS_EVERY = 10;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { store, directory, durability, runs } = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
  const port = Number(process.env.CHAOS_PORT);
  const maxNames = process.env.CHAOS_MAX_NAMES;
  process.env.RUNLEDGER_DURABILITY = durability;
  const ledger = createRunledger({
    store,
    directory,
    retention: false,
    prometheus: { port },
    ...(maxNames !== undefined && { maxNames: Number(maxNames) }),
  });
  const configuration = { serviceName: 'chaos', autoDetectResources: false, spanProcessors: [] };
  const sdk = new NodeSDK(withRunledger(configuration, ledger));
  sdk.start();
  const hooks = new PipelineHooks();
  const rss = { max: 0, now: 0 };
  const sample = (): void => {
    rss.now = process.memoryUsage.rss();
    rss.max = Math.max(rss.max, rss.now);
  };
  const state = (type: WriterReport['type']): NamesReport => {
    sample();
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed;
    return { type, accounts: ledger.accounts(), rss: { ...rss }, heap };
  };
  const part = Math.ceil(runs / PARTS);
  const pause = async (): Promise<void> => {
    await ledger.ready();
    await turn();
    sample();
  };
  for (let run = 0; run < WARM_RUNS; run++) {
    runUnderNames(hooks, run, 0);
    if (run % 100 === 0) await pause();
  }
  for (let run = 0; run < runs; run++) {
    runUnderNames(hooks, run, run);
    if (run % 100 === 0) await pause();
    if (run % part === part - 1) tell(state('state'));
  }
  tell(state('loaded'));
  // Until then it can be scraped.
  await once(createInterface({ input: process.stdin }), 'line');
  const shutdown = await ledger.shutdown();
  tell({ ...state('closed'), shutdown });
  await sdk.shutdown();
  process.exit();
}

/** A pipeline and its step, named by a number. */
function runUnderNames(hooks: PipelineHooks, run: number, name: number): void {
  const id = `run ${run}`;
  hooks.onPipelineStart({ id, name: `pipeline ${name}` });
  hooks.onStepStart({ id, parentId: id, name: `step ${name}` });
  if (run % FAILS_EVERY === 0) {
    const error = Object.assign(new Error('boom'), { name: `Error${name}` });
    hooks.onStepError({ id, error });
    hooks.onPipelineError({ id, error });
  }
  hooks.onStepEnd({ id });
  hooks.onPipelineEnd({ id });
}

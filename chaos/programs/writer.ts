/** An application that records what its plan says, and takes commands while it does. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { createRunledger } from 'runledger';
import { EXECUTIONS } from '../obligation.ts';
import type { WriterCommand, WriterPlan, WriterReport } from './plan.ts';
import { acknowledged, execute, tell } from './work.ts';

const plan = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
const { store, directory, batch } = plan;
process.env.RUNLEDGER_DURABILITY = plan.durability;
const ledger = createRunledger({ store, directory, retention: false, ...(batch && { batch }) });
// The least of an SDK: writers are started by the thousand.
const provider = new TracerProvider({ spanProcessors: [ledger.spanProcessor] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(provider);

const delay = monitorEventLoopDelay({ resolution: 1 });
const memory = { max: 0, now: 0 };
const files: number[] = [];
let isStopped = false;
let go: () => void = () => {};
const started = new Promise<void>((resolve) => {
  go = resolve;
});

const commands: Readonly<Record<WriterCommand, () => void | Promise<void>>> = {
  go: () => go(),
  stop: () => {
    isStopped = true;
    go();
  },
  state: () => tell(state('state')),
  'take files': () => {
    try {
      for (;;) files.push(openSync('/dev/null', 'r'));
    } catch {
      // There is none left, as was asked for.
    }
  },
  'give files': () => {
    for (const file of files.splice(0)) closeSync(file);
  },
  close: async () => {
    isStopped = true;
    go();
    const shutdown = await ledger.shutdown();
    await provider.shutdown();
    tell({ ...state('closed'), shutdown });
    process.stdin.destroy();
  },
};
createInterface({ input: process.stdin }).on('line', (line) => void commands[line as WriterCommand]?.());

tell({ type: 'ready' });
if (plan.waits !== true) go();
await started;
delay.enable();
const sampler = setInterval(sampleMemory, 200).unref();
sampleMemory();
await load();
clearInterval(sampler);
tell(state('loaded'));

async function load(): Promise<void> {
  const beganAt = performance.now();
  for (let run = 0; run < plan.runs && !isStopped; run++) {
    await execute(plan.writer, run);
    if (plan.rate === 0) {
      await turn();
      continue;
    }
    const ahead = beganAt + (run * EXECUTIONS * 1_000) / plan.rate - performance.now();
    if (ahead > 0) await sleep(ahead);
    else if (run % 8 === 0) await turn();
  }
}

function state(type: WriterReport['type']): WriterReport {
  const loop = {
    p50: millis(delay.percentile(50)),
    p99: millis(delay.percentile(99)),
    p999: millis(delay.percentile(99.9)),
    max: millis(delay.max),
  };
  delay.reset();
  sampleMemory();
  const rss = { ...memory };
  memory.max = 0;
  const { durability } = ledger;
  return { type, acknowledged, accounts: ledger.accounts(), durability, loop, rss, ...held() };
}

/** What the process holds: it is to be as much after a day as after an hour. */
function held(): Pick<WriterReport, 'files' | 'heap'> {
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  try {
    return { heap, files: readdirSync('/proc/self/fd').length };
  } catch {
    return { heap };
  }
}

function sampleMemory(): void {
  try {
    memory.now = process.memoryUsage.rss();
  } catch {
    // Linux tells it by a file, for which there may be no descriptor.
  }
  memory.max = Math.max(memory.max, memory.now);
}

function millis(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? Math.round(nanoseconds / 1e4) / 100 : 0;
}

/**
 * An application whose calls are traced, until it is killed, exits or closes. Its store notes all it takes in a file, so that the
 * trace says what was stored at every moment; now and then it does not answer.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { createRunledger, type ExecutionRecord, type RecordStore, runPipeline } from 'runledger';
import type { LedgerReport } from 'runledger/sql';
import { EXECUTIONS } from '../obligation.ts';
import type { StoreNote } from '../power/ledger-at.ts';
import { DIRECTORY, NOTES, STORE_NAME } from '../power/names.ts';
import type { WriterPlan } from './plan.ts';
import { execute, tell } from './work.ts';

/** Shares of the runs during which the store does not answer; one that exits leaves all it has to the next. */
const AWAY = {
  kill: [
    [0.15, 0.55],
    [0.85, 1],
  ],
  exit: [[0, 1]],
  close: [
    [0, 0.4],
    [0.6, 0.8],
  ],
} as const;

/** What is written at once: a call with more would not be traced whole. */
const NOTE_BYTES = 500_000;

class NotedStore implements RecordStore {
  readonly name = STORE_NAME;
  readonly #notes: number;
  #isAway = false;
  #isBack = Promise.resolve();
  #comeBack: () => void = () => {};

  constructor(path: string) {
    this.#notes = openSync(path, 'a');
  }

  set isAway(isAway: boolean) {
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    this.#comeBack();
    if (!isAway) return;
    this.#isBack = new Promise((resolve) => {
      this.#comeBack = resolve;
    });
  }

  async init(): Promise<void> {}

  async write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void> {
    await this.#isBack;
    this.#note({ records, report });
  }

  async interrupt(instanceIds: readonly string[], silentBefore: number): Promise<number> {
    await this.#isBack;
    this.#note({ interrupted: instanceIds, silentBefore });
    return 0;
  }

  async quarantine(): Promise<void> {
    throw new Error('nothing is refused here');
  }

  async prune() {
    return { removedByAge: 0, removedBySize: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  async close(): Promise<void> {}

  #note(note: StoreNote): void {
    const bytes = Buffer.from(`${JSON.stringify(note)}\n`);
    for (let at = 0; at < bytes.length; at += NOTE_BYTES)
      writeSync(this.#notes, bytes, at, Math.min(NOTE_BYTES, bytes.length - at));
  }
}

const plan = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
const { writer, directory, durability, runs, rate } = plan;
const store = new NotedStore(`${directory}/${NOTES}`);
const ledger = createRunledger({
  store,
  directory: `${directory}/${DIRECTORY}`,
  durability,
  retention: false,
  // The smallest there is, so that files are finished and removed by the dozen.
  spool: { maxBytes: 4_194_304 },
});
const provider = new TracerProvider({ spanProcessors: [ledger.spanProcessor] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(provider);

const end = process.env.CHAOS_END as keyof typeof AWAY;
const beganAt = performance.now();
for (let run = 0; run < runs; run++) {
  store.isAway = AWAY[end].some(([from, to]) => run >= from * runs && run < to * runs);
  await execute(writer, run);
  const ahead = beganAt + (run * EXECUTIONS * 1_000) / rate - performance.now();
  await sleep(Math.max(0, ahead));
}
if (end === 'kill') {
  void runPipeline('unfinished', { correlationId: `${writer}:unfinished` }, (run) =>
    run.step('waits', () => new Promise(() => {})),
  );
  process.kill(process.pid, 'SIGKILL');
}
if (end === 'exit') process.exit();
store.isAway = false;
await ledger.shutdown();
tell({ type: 'closed', accounts: ledger.accounts() });

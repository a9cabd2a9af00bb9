/**
 * Has one call to the file system fail after the other, each time with a ledger of its own, and says what became of the records:
 * the accounts have to add up, whatever fails.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { NodeSDK } from '@opentelemetry/sdk-node';
import {
  createRunledger,
  type ExecutionRecord,
  type RecordAccounts,
  type RecordStore,
  type Runledger,
  runPipeline,
} from 'runledger';
import { type FileCall, type FileFault, failFiles } from './failing-files.ts';
import type { WriterPlan, WriterReport } from './plan.ts';
import { tell } from './work.ts';

/** What the sweep found. */
export interface SweepReport extends WriterReport {
  readonly trials: number;
  readonly struck: number;
  /** Records that were given up, and counted so. */
  readonly dropped: number;
  readonly faults: readonly string[];
}

/** A store that does not answer until it is told to, and keeps ids alone. */
class AwayStore implements RecordStore {
  readonly name = 'away';
  isAway = true;
  readonly kept = new Set<string>();

  async init(): Promise<void> {}

  async write(records: readonly ExecutionRecord[]): Promise<void> {
    if (this.isAway) throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
    for (const { recordId, state } of records) if (state === 'ended') this.kept.add(recordId);
  }

  async quarantine(): Promise<void> {}

  async prune() {
    return { removedByAge: 0, removedBySize: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  async close(): Promise<void> {}
}

const CODES: Readonly<Partial<Record<FileCall, readonly FileFault['code'][]>>> = {
  openSync: ['EIO', 'ENOSPC', 'EMFILE', 'EROFS'],
  writeSync: ['EIO', 'ENOSPC', 'short'],
  ftruncateSync: ['EIO'],
  fdatasyncSync: ['EIO'],
  fsyncSync: ['EIO'],
  fdatasync: ['EIO'],
  mkdirSync: ['EIO', 'ENOSPC', 'EROFS'],
  writeFileSync: ['EIO', 'ENOSPC', 'EMFILE'],
  readSync: ['EIO'],
  readdirSync: ['EIO', 'EMFILE'],
  unlinkSync: ['EIO', 'EROFS'],
  unlink: ['EIO', 'EROFS'],
  rmSync: ['EIO'],
  renameSync: ['EIO'],
  open: ['EIO', 'EMFILE'],
  utimes: ['EIO'],
};

const { directory, runs, durability } = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
const mostCalls = Number(process.env.CHAOS_CALLS);
const payload = 'x'.repeat(20_000);
const faults: string[] = [];
let trials = 0;
let struck = 0;
let dropped = 0;

let current: Runledger['spanProcessor'] | undefined;

/** One SDK for all of them: a process has one for its life. */
const sdk = new NodeSDK({
  autoDetectResources: false,
  spanProcessors: [
    {
      onStart: (span, context) => current?.onStart(span as never, context),
      onEnd: (span) => current?.onEnd(span as never),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    },
  ],
});
sdk.start();

for (const [call, codes] of Object.entries(CODES) as [FileCall, readonly FileFault['code'][]][]) {
  for (const code of codes) {
    for (const isLasting of [false, true]) {
      for (let nth = 1; nth <= mostCalls; nth++) {
        if ((await endure({ call, code, nth, isLasting })) === 0) break;
      }
    }
  }
}
const report: SweepReport = { type: 'closed', trials, struck, dropped, faults: faults.slice(0, 20) };
tell(report);

/** One life of a ledger with one fault. Half of its records are taken in while the store does not answer. */
async function endure(fault: FileFault): Promise<number> {
  const folder = join(directory, `trial-${++trials}`);
  const what = `${fault.code} at ${fault.isLasting ? 'every' : 'the'} ${fault.call} from ${fault.nth} on`;
  const store = new AwayStore();
  const disarm = failFiles(folder, fault);
  const ledger = createRunledger({
    store,
    directory: folder,
    durability,
    retention: false,
    batch: {
      exportTimeoutMillis: 300,
      shutdownTimeoutMillis: 300,
      retry: { baseDelayMillis: 1, maxDelayMillis: 5 },
    },
  });
  current = ledger.spanProcessor;
  try {
    work(runs / 2);
    await new Promise((resolve) => setImmediate(resolve));
    check(what, 'while the store is away', ledger, store);
    store.isAway = false;
    work(runs / 2);
    await ledger.forceFlush();
    check(what, 'after a flush', ledger, store);
  } catch (error) {
    faults.push(`${what}: the application was thrown ${String((error as Error).stack).slice(0, 400)}`);
  }
  const times = disarm();
  await ledger.shutdown();
  check(what, 'after the shutdown', ledger, store);
  struck += times;
  const accounts = ledger.accounts();
  dropped += sum(accounts);
  if (store.kept.size !== accounts.stored) {
    faults.push(`${what}: ${store.kept.size} are in the store, and ${accounts.stored} are counted`);
  }
  rmSync(folder, { recursive: true, force: true });
  return times;
}

/** Runs of a pipeline with two steps, one of which fails. */
function work(count: number): void {
  for (let run = 0; run < count; run++) {
    runPipeline('sweep', (execution) => {
      execution.step('large', { attributes: { payload } }, () => {});
      try {
        execution.step('failing', () => {
          throw new Error('as it should');
        });
      } catch {
        // A failure, which is kept longest.
      }
    });
  }
}

function check(what: string, when: string, ledger: Runledger, store: AwayStore): void {
  const accounts = ledger.accounts();
  const { created, stored, queued, sampledOut, quarantined } = accounts;
  const { recovered = 0, spooled = 0 } = accounts as RecordAccounts & {
    recovered?: number;
    spooled?: number;
  };
  const rest = created + recovered - stored - queued - spooled - sampledOut - quarantined - sum(accounts);
  if (rest !== 0)
    faults.push(`${what}, ${when}: ${rest} records are not accounted for: ${JSON.stringify(accounts)}`);
  if (store.kept.size > created) faults.push(`${what}, ${when}: the store has more than was made`);
}

function sum({ dropped: reasons }: RecordAccounts): number {
  return Object.values(reasons).reduce((total, count) => total + count, 0);
}

/**
 * One application in several processes or threads: each of them works on its share of the runs with a ledger of its own,
 * and every other one is ended in the middle of it.
 */
import { fork } from 'node:child_process';
import cluster, { type ClusterSettings } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { createRunledger, withRunledger } from 'runledger';
import type { WriterPlan } from './plan.ts';
import { execute, tell } from './work.ts';

const MEMBERS = 4;
const file = fileURLToPath(import.meta.url);
const plan = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
const share = plan.runs / MEMBERS;
process.env.RUNLEDGER_DURABILITY = plan.durability;

const member = memberOfThisOne();
if (member !== undefined) await work(member);
else await lead(process.env.CHAOS_FAMILY as 'cluster' | 'fork' | 'threads');

function memberOfThisOne(): number | undefined {
  if (!isMainThread) return Number(workerData);
  return process.env.CHAOS_MEMBER === undefined ? undefined : Number(process.env.CHAOS_MEMBER);
}

async function work(place: number): Promise<void> {
  const { ledger, sdk } = start();
  for (let run = place * share; run < (place + 1) * share; run++) {
    await execute(plan.writer, run);
    if (run === (place + 0.5) * share) tellLeader('halfway');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ledger.shutdown();
  await sdk.shutdown();
  if (cluster.isWorker) cluster.worker?.disconnect();
  else if (isMainThread) process.disconnect?.();
}

/** The leader has a ledger too, made before its children: what it has open is not theirs. */
async function lead(kind: 'cluster' | 'fork' | 'threads'): Promise<void> {
  const { ledger, sdk } = start();
  tell({ type: 'ready' });
  if (kind === 'cluster') {
    const stdio: (number | 'ignore' | 'inherit' | 'ipc')[] = ['ignore', 'inherit', 'inherit', 3, 'ipc'];
    cluster.setupPrimary({ exec: file, stdio: stdio as unknown as string[] } as ClusterSettings);
  }
  await Promise.all(
    Array.from({ length: MEMBERS }, (_, place) => {
      const isVictim = place % 2 === 1;
      return kind === 'threads' ? thread(place, isVictim) : child(kind, place, isVictim);
    }),
  );
  await ledger.shutdown();
  await sdk.shutdown();
  tell({ type: 'closed' });
}

function child(kind: 'cluster' | 'fork', place: number, isVictim: boolean): Promise<void> {
  const env = { ...process.env, CHAOS_MEMBER: String(place) };
  const started =
    kind === 'cluster'
      ? cluster.fork(env).process
      : fork(file, { env, stdio: ['ignore', 'inherit', 'inherit', 3, 'ipc'] });
  if (isVictim) started.once('message', () => started.kill('SIGKILL'));
  return new Promise((resolve) => started.once('exit', () => resolve()));
}

function thread(place: number, isVictim: boolean): Promise<void> {
  const started = new Worker(file, { workerData: place });
  if (isVictim) started.once('message', () => void started.terminate());
  return new Promise((resolve) => started.once('exit', () => resolve()));
}

/** That half of the work is done: who is a victim is ended now, in the middle of what comes next. */
function tellLeader(text: string): void {
  if (isMainThread) process.send?.(text);
  else parentPort?.postMessage(text);
}

function start() {
  const { store, directory } = plan;
  const ledger = createRunledger({ store, directory, retention: false });
  const sdk = new NodeSDK(
    withRunledger({ serviceName: 'chaos', autoDetectResources: false, spanProcessors: [] }, ledger),
  );
  sdk.start();
  return { ledger, sdk };
}

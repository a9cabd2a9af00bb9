import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExecutionRecord } from 'runledger';
import { MemoryRecordQueue } from '../src/export/memory-record-queue.ts';
import type { RecordQueue } from '../src/export/record-queue.ts';
import { SpoolRecordQueue } from '../src/spool/spool-record-queue.ts';
import type { Sample, Suite } from './measure.ts';

const RECORDS = 60_000;
const WARM_UP = 20_000;
const BATCH = 512;
/** What fits the memory of a queue on disk; the rest has to be read again. */
const BACKLOG = 50_000;

export const suite: Suite = {
  title: 'A queue on disk, records of 1 KB: until append returns, and a backlog read back',
  variants: {
    memory: () => appended(() => new MemoryRecordQueue({ maxQueueSize: 1e6, maxQueueBytes: 1e9 }, () => {})),
    spool: () => inFolder((directory) => appended(() => openSpool(directory, 'process'))),
    'spool, os': () => inFolder((directory) => appended(() => openSpool(directory, 'os'))),
    backlog: () => inFolder(readBack),
    adoption: () => inFolder(adopted),
  },
  comparisons: [
    { what: 'append, median', figure: 'p50 µs', of: 'spool', goal: { atMost: 8 }, unit: 'µs' },
    { what: 'append, p99', figure: 'p99 µs', of: 'spool', goal: { atMost: 30 }, unit: 'µs' },
    {
      what: 'append with durability os, p99',
      figure: 'p99 µs',
      of: 'spool, os',
      goal: { atMost: 60 },
      unit: 'µs',
    },
    {
      what: 'one take from a backlog on disk, median',
      figure: 'take p50 ms',
      of: 'backlog',
      goal: { atMost: 4 },
      unit: 'ms',
    },
    { what: 'reading a backlog back', figure: 'records/s', of: 'backlog', goal: { atLeast: 50_000 } },
    {
      what: 'finding what a dead process left',
      figure: 'records/s',
      of: 'adoption',
      goal: { atLeast: 100_000 },
    },
  ],
};

function openSpool(directory: string, durability: 'process' | 'os'): SpoolRecordQueue {
  return new SpoolRecordQueue({ directory, instanceId: `bench-${durability}`, durability }, () => {});
}

/** What a caller waits for one record, while another part of the process takes them out as fast as they come. */
async function appended(open: () => RecordQueue): Promise<Sample> {
  const queue = open();
  const nanos = new Float64Array(RECORDS);
  for (let at = 0; at < WARM_UP + RECORDS; at++) {
    const record = oneRecord(at);
    const startedAt = process.hrtime.bigint();
    queue.append(record);
    if (at >= WARM_UP) nanos[at - WARM_UP] = Number(process.hrtime.bigint() - startedAt);
    if (at % BATCH !== 0) continue;
    takeAll(queue, BATCH);
    await nextTurn();
  }
  queue.close();
  return { 'p50 µs': at(nanos, 0.5) / 1e3, 'p99 µs': at(nanos, 0.99) / 1e3, 'max ms': at(nanos, 1) / 1e6 };
}

/** A store that was away for long: everything beyond memory is on disk alone. */
async function readBack(directory: string): Promise<Sample> {
  const queue = openSpool(directory, 'process');
  for (let at = 0; at < BACKLOG; at++) queue.append(oneRecord(at));
  const startedAt = performance.now();
  const millis = Float64Array.from(takeAll(queue, BATCH));
  const seconds = (performance.now() - startedAt) / 1_000;
  queue.close();
  return { 'records/s': BACKLOG / seconds, 'take p50 ms': at(millis, 0.5), 'take max ms': at(millis, 1) };
}

/** What a start finds of a process that was killed. */
async function adopted(directory: string): Promise<Sample> {
  const dead = openSpool(directory, 'process');
  for (let at = 0; at < BACKLOG; at++) dead.append(oneRecord(at));
  dead.close();
  const queue = new SpoolRecordQueue({ directory, instanceId: 'next' }, () => {});
  const startedAt = performance.now();
  const [found] = await queue.adopt();
  const seconds = (performance.now() - startedAt) / 1_000;
  if (found?.records !== BACKLOG) throw new Error('records were lost');
  queue.close();
  return { 'records/s': BACKLOG / seconds };
}

/** Takes and settles everything; how long each take took, in milliseconds. */
function takeAll(queue: RecordQueue, records: number): number[] {
  const millis: number[] = [];
  for (;;) {
    const startedAt = performance.now();
    const batch = queue.take({ records, bytes: 4 * 1024 * 1024 });
    if (batch === undefined) return millis;
    millis.push(performance.now() - startedAt);
    queue.settle(batch);
  }
}

function at(values: Float64Array, quantile: number): number {
  values.sort();
  return values[Math.min(values.length - 1, Math.floor(values.length * quantile))] ?? Number.NaN;
}

function oneRecord(at: number): ExecutionRecord {
  const spanId = (at + 1).toString(16).padStart(16, '0');
  const startedAt = 1_790_000_000_000 + at;
  return {
    recordId: `0660ac709a366${spanId}`,
    rev: 2,
    instanceId: 'c0ffee00-0000-4000-8000-000000000000',
    seq: at + 1,
    kind: 'step',
    name: 'load',
    pipeline: 'nightly-orders',
    runId: '01990000-0000-7000-8000-000000000000',
    parentRecordId: '0660ac709a36600000000000000ff',
    traceId: spanId.padStart(32, 'a'),
    spanId,
    parentSpanId: '00000000000000ff',
    attempt: 1,
    state: 'ended',
    outcome: 'success',
    startedAt,
    endedAt: startedAt + 5.5,
    durationMs: 5.5,
    recoveredFailures: 0,
    keepReason: 'all',
    sampleRate: 1,
    rowsIn: 100,
    attributes: ATTRIBUTES,
    writer: WRITER,
  };
}

const WRITER = { serviceName: 'bench', host: 'localhost', pid: 1 };
const ATTRIBUTES = JSON.stringify({ query: 'x'.repeat(400) });

async function inFolder(use: (path: string) => Promise<Sample>): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  try {
    return await use(join(folder, 'spool'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace';
import { instrument, withRunledger } from 'runledger';
import { installFixture } from '../test/support/fixture-project.ts';
import { startRedis } from '../test/support/redis-server.ts';
import type { Sample, Suite } from './measure.ts';

const JOBS = 10_000;
/** Processed before the clock starts. */
const WARM_UP = 3_000;
const CONCURRENCY = 20;
/** How long a job waits, for a database say, where it does anything at all. */
const WAIT_MILLIS = 10;

const FIXTURE = fileURLToPath(new URL('../test/engines/bullmq/newest', import.meta.url));

/** The part of BullMQ that is used. */
interface Bullmq {
  readonly Queue: new (name: string, options: object) => BullmqQueue;
  readonly Worker: new (name: string, processor: () => Promise<unknown>, options: object) => BullmqWorker;
}
interface BullmqQueue {
  addBulk(jobs: readonly object[]): Promise<unknown>;
  close(): Promise<void>;
}
interface BullmqWorker {
  on(event: 'completed', listener: () => void): void;
  run(): Promise<void>;
  close(): Promise<void>;
}

export const suite: Suite = {
  title: `BullMQ on Redis, at concurrency ${CONCURRENCY}`,
  variants: {
    'bullmq, jobs that wait': () => work({ waits: true }),
    'recorded, jobs that wait': () => inFolder((path) => withSdk(path, { waits: true })),
    bullmq: () => work({}),
    recorded: () => inFolder((path) => withSdk(path, {})),
    'bullmq-otel': () => withItsOwnTelemetry(),
  },
  comparisons: [
    {
      what: `a job that waits ${WAIT_MILLIS} ms, recorded in SQLite / of the engine alone, wall clock`,
      figure: 'µs/job',
      of: 'recorded, jobs that wait',
      against: 'bullmq, jobs that wait',
      goal: { atMost: 1.05 },
    },
    {
      what: 'a job that does nothing, recorded in SQLite / of the engine alone, wall clock',
      figure: 'µs/job',
      of: 'recorded',
      against: 'bullmq',
      goal: { atMost: 1.05 },
    },
    {
      what: 'the same, main-thread CPU',
      figure: 'CPU µs/job',
      of: 'recorded',
      against: 'bullmq',
      goal: { atMost: 1.05 },
    },
    {
      what: "the same / with BullMQ's own OpenTelemetry, a batch processor and no exporter",
      figure: 'CPU µs/job',
      of: 'recorded',
      against: 'bullmq-otel',
      goal: { atMost: 1.3 },
    },
  ],
};

/** What is measured. */
interface Kind {
  readonly waits?: true;
  readonly isRecorded?: true;
  readonly hasTelemetry?: true;
}

async function withSdk(path: string, kind: Kind): Promise<Sample> {
  const sdk = new NodeSDK({
    ...withRunledger({ serviceName: 'bench', spanProcessors: [] }, { store: `sqlite:${path}` }),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const sample = await work({ ...kind, isRecorded: true });
  await sdk.shutdown();
  return sample;
}

async function withItsOwnTelemetry(): Promise<Sample> {
  const nowhere: SpanExporter = {
    export: (_spans, done) => done({ code: 0 }),
    shutdown: async () => undefined,
  };
  const sdk = new NodeSDK({
    serviceName: 'bench',
    spanProcessors: [new BatchSpanProcessor({ exporter: nowhere })],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const sample = await work({ hasTelemetry: true });
  await sdk.shutdown();
  return sample;
}

/** From the first job after the warm-up to the end of the last. */
async function work({ waits, isRecorded, hasTelemetry }: Kind): Promise<Sample> {
  await installFixture(FIXTURE);
  const require = createRequire(join(FIXTURE, 'package.json'));
  const bullmq = require('bullmq') as Bullmq;
  if (isRecorded) instrument(bullmq);
  const redis = await startRedis();
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const telemetry = hasTelemetry && new (require('bullmq-otel').BullMQOtel)('bench');
  const queue = new bullmq.Queue('bench', { connection });
  for (let at = 0; at < JOBS + WARM_UP; at += 1_000) {
    await queue.addBulk(Array.from({ length: 1_000 }, () => ({ name: 'job', data: {} })));
  }
  const options = { connection, concurrency: CONCURRENCY, autorun: false, ...(telemetry && { telemetry }) };
  const processor = waits ? () => wait(WAIT_MILLIS) : async () => undefined;
  const worker = new bullmq.Worker('bench', processor, options);
  let done = 0;
  let started = 0;
  let cpu = process.threadCpuUsage();
  const finished = new Promise<number>((resolve) => {
    worker.on('completed', () => {
      if (++done === WARM_UP) {
        started = performance.now();
        cpu = process.threadCpuUsage();
      } else if (done === WARM_UP + JOBS) resolve(performance.now());
    });
  });
  void worker.run();
  const millis = (await finished) - started;
  const { user, system } = process.threadCpuUsage(cpu);
  await worker.close();
  await queue.close();
  await redis.dispose();
  return { 'µs/job': (millis / JOBS) * 1_000, 'CPU µs/job': (user + system) / JOBS };
}

async function inFolder(use: (path: string) => Promise<Sample>): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  try {
    return await use(join(folder, 'ledger.db'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

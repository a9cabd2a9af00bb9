import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace';
import { instrument, withRunledger } from 'runledger';
import { installFixture } from '../test/support/fixture-project.ts';
import { startRedis } from '../test/support/redis-server.ts';
import type { Sample, Suite } from './measure.ts';

const JOBS = 20_000;
/** Processed before the clock starts. */
const WARM_UP = 4_000;
const CONCURRENCY = 20;

const FIXTURE = fileURLToPath(new URL('../test/engines/bullmq/newest', import.meta.url));

/** The part of BullMQ that is used. */
interface Bullmq {
  readonly Queue: new (name: string, options: object) => BullmqQueue;
  readonly Worker: new (name: string, processor: () => Promise<void>, options: object) => BullmqWorker;
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
  title: `BullMQ on Redis, empty jobs at concurrency ${CONCURRENCY}`,
  variants: {
    bullmq: () => work({}),
    recorded: () => inFolder((path) => withSdk(path)),
    'bullmq-otel': () => withItsOwnTelemetry(),
  },
  comparisons: [
    {
      what: 'a job recorded in SQLite / a job of the engine alone, wall clock',
      figure: 'µs/job',
      of: 'recorded',
      against: 'bullmq',
      goal: { atMost: 1.05 },
    },
    {
      what: "the same / a job with BullMQ's own OpenTelemetry and a batch processor",
      figure: 'µs/job',
      of: 'recorded',
      against: 'bullmq-otel',
      goal: { atMost: 1 },
    },
    {
      what: 'the same, CPU of the whole process / of the engine alone',
      figure: 'CPU µs/job',
      of: 'recorded',
      against: 'bullmq',
      goal: { atMost: 1.2 },
    },
  ],
};

async function withSdk(path: string): Promise<Sample> {
  const sdk = new NodeSDK({
    ...withRunledger({ serviceName: 'bench', spanProcessors: [] }, { store: `sqlite:${path}` }),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const sample = await work({ isRecorded: true });
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
async function work(how: { readonly isRecorded?: true; readonly hasTelemetry?: true }): Promise<Sample> {
  await installFixture(FIXTURE);
  const require = createRequire(join(FIXTURE, 'package.json'));
  const bullmq = require('bullmq') as Bullmq;
  if (how.isRecorded) instrument(bullmq);
  const redis = await startRedis();
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const telemetry = how.hasTelemetry && new (require('bullmq-otel').BullMQOtel)('bench');
  const queue = new bullmq.Queue('bench', { connection });
  for (let at = 0; at < JOBS + WARM_UP; at += 1_000) {
    await queue.addBulk(Array.from({ length: 1_000 }, () => ({ name: 'job', data: {} })));
  }
  const options = { connection, concurrency: CONCURRENCY, autorun: false, ...(telemetry && { telemetry }) };
  const worker = new bullmq.Worker('bench', async () => undefined, options);
  let done = 0;
  let started = 0;
  let cpu = process.cpuUsage();
  const finished = new Promise<number>((resolve) => {
    worker.on('completed', () => {
      if (++done === WARM_UP) {
        started = performance.now();
        cpu = process.cpuUsage();
      } else if (done === WARM_UP + JOBS) resolve(performance.now());
    });
  });
  void worker.run();
  const millis = (await finished) - started;
  const { user, system } = process.cpuUsage(cpu);
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

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { BatchRecordExporter, ExecutionSpanProcessor, instrument } from 'runledger';
import { SqliteRecordStore } from 'runledger/sql';
import { installFixture } from '../test/support/fixture-project.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import type { Sample, Suite } from './measure.ts';

const WARM_UP = 10_000;
const JOBS = 10_000;
const CONCURRENCY = 20;
/** How long a job waits, for a database say, where it does anything at all. */
const WAIT_MILLIS = 10;
const FIXTURE = fileURLToPath(new URL('../test/engines/graphile-worker/newest', import.meta.url));

export const suite: Suite = {
  title: `graphile-worker on PostgreSQL, concurrency ${CONCURRENCY}`,
  variants: {
    'engine, jobs that wait': () => jobCost(() => wait(WAIT_MILLIS)),
    'engine and ledger to sqlite, jobs that wait': () => withLedger(() => wait(WAIT_MILLIS)),
    engine: () => jobCost(async () => {}),
    'engine and ledger to sqlite': () => withLedger(async () => {}),
  },
  comparisons: [
    {
      what: `a job that waits ${WAIT_MILLIS} ms, with its record on disk / the engine alone`,
      figure: 'µs/job',
      of: 'engine and ledger to sqlite, jobs that wait',
      against: 'engine, jobs that wait',
      goal: { atMost: 1.05 },
    },
    compared('a job that does nothing, with its record on disk / the engine alone', 'µs/job'),
    compared('the same in CPU time of all threads', 'CPU µs/job'),
  ],
};

function compared(what: string, figure: string) {
  return { what, figure, of: 'engine and ledger to sqlite', against: 'engine', goal: { atMost: 1.05 } };
}

/** The part of the engine that is used; it is installed with the tests of it, not here. */
interface GraphileWorker {
  readonly Logger: new (factory: () => () => void) => object;
  runOnce(options: object, tasks: object): Promise<void>;
  makeWorkerUtils(options: object): Promise<{
    addJobs(jobs: readonly object[]): Promise<unknown>;
    release(): Promise<void>;
  }>;
}

/** A pool of `pg`, of the same installation. */
interface Pool {
  on(event: string, listener: () => void): this;
  end(): Promise<void>;
}

async function jobCost(
  task: () => Promise<void>,
  prepare: (engine: GraphileWorker) => void = () => {},
): Promise<Sample> {
  await installFixture(FIXTURE);
  const require = createRequire(join(FIXTURE, 'bench.cjs'));
  const engine = require('graphile-worker') as GraphileWorker;
  const pg = require('pg') as { readonly Pool: new (options: object) => Pool };
  prepare(engine);
  const postgres = await startPostgres();
  const pgPool = new pg.Pool({ connectionString: postgres.url, max: CONCURRENCY });
  // The engine asks for both.
  pgPool.on('error', () => {}).on('connect', () => {});
  const options = {
    pgPool,
    concurrency: CONCURRENCY,
    logger: new engine.Logger(() => () => {}),
  };
  const utils = await engine.makeWorkerUtils(options);
  const drain = async (count: number) => {
    await utils.addJobs(Array.from({ length: count }, () => ({ identifier: 'task', payload: {} })));
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    await engine.runOnce(options, { task });
    const micros = (performance.now() - started) * 1_000;
    const cpu = process.cpuUsage(cpuBefore);
    return { 'µs/job': micros / count, 'CPU µs/job': (cpu.user + cpu.system) / count };
  };
  await drain(WARM_UP);
  const sample = await drain(JOBS);
  await utils.release();
  await pgPool.end();
  await postgres.dispose();
  return sample;
}

async function withLedger(task: () => Promise<void>): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  const exporter = new BatchRecordExporter(new SqliteRecordStore({ path: join(folder, 'ledger.db') }));
  const provider = new TracerProvider({ spanProcessors: [new ExecutionSpanProcessor({ exporter })] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  const sample = await jobCost(task, instrument);
  await exporter.forceFlush();
  const { stored } = exporter.accounts();
  if (stored !== WARM_UP + JOBS) throw new Error(`${stored} of ${WARM_UP + JOBS} records are stored`);
  await provider.shutdown();
  rmSync(folder, { recursive: true, force: true });
  return sample;
}

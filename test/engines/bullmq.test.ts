import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createEngineApplication,
  type EngineApplication,
  LANES,
  type Lane,
  type RecordedRow,
} from '../support/engine-application.ts';
import { INSTALL_MILLIS } from '../support/fixture-project.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { ProgramEnd } from '../support/program.ts';
import { hasRedis, startRedis } from '../support/redis-server.ts';
import type { TestServer } from '../support/server-process.ts';

const QUIET = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };
const FIXTURES = fileURLToPath(new URL('bullmq/', import.meta.url));

const EVERYWHERE = [
  'alone',
  'attempts',
  'flow',
  'flows',
  'delayed',
  'children',
  'limited',
  'stalled',
  'fails',
  'inside',
  'traced',
  'scheduled',
];
/**
 * BullMQ 5.24 fails the parent of a failed job without telling any worker, knows no `omitContext`, and does not always
 * get a processor in a process of its own started, with or without us.
 */
const NEWER = ['failedFlow', 'nobody', 'sandboxed'];

/** With a telemetry, BullMQ 5.24 forgets the job it fetches along with a failure: nothing may wait when one fails. */
const BROKEN_BY_TELEMETRY: ReadonlySet<string> = new Set(['attempts', 'flow']);

/** The rows of a ledger, to ask after. */
class Ledger {
  readonly rows: readonly RecordedRow[];
  readonly #spans: ReadonlyMap<string, string>;

  constructor(rows: readonly RecordedRow[], spans: ReadonlyMap<string, string> = new Map()) {
    this.rows = rows;
    this.#spans = spans;
  }

  /** As `parent > kind name: outcome`, in no order: jobs that run at once have none. */
  described(pipeline: string): readonly string[] {
    return this.#of(pipeline)
      .map(({ kind, name, outcome, parent }) => `${parent ?? ''} > ${kind} ${name}: ${outcome}`)
      .sort();
  }

  row(name: string, attempt = 1, kind?: string): RecordedRow | undefined {
    return this.rows.find(
      (row) =>
        row.name === name && row.attempt === attempt && (kind === undefined ? true : row.kind === kind),
    );
  }

  attemptsOf(name: string): readonly unknown[] {
    return this.rows
      .filter((row) => row.name === name)
      .map(({ attempt, outcome, error_message, final }) => [attempt, outcome, error_message, final])
      .sort();
  }

  spanOf(name: string): string | undefined {
    return this.#spans.get(name);
  }

  #of(pipeline: string): readonly RecordedRow[] {
    return this.rows.filter((row) => row.pipeline === pipeline);
  }
}

async function ledgerOf(application: EngineApplication): Promise<Ledger> {
  const lines = await readFile(join(application.path, 'spans.txt'), 'utf8').catch(() => '');
  const spans = lines
    .trim()
    .split('\n')
    .map((line) => line.split('\t') as [string, string]);
  return new Ledger(application.rows(), new Map(spans));
}

(hasRedis ? describe : describe.skip)('BullMQ on Redis', () => {
  let redis: TestServer;
  let databases = 0;

  beforeAll(async () => {
    redis = await startRedis();
  }, 60_000);
  afterAll(() => redis?.dispose());

  /** Where a program works: a database of its own, so that job ids are the same in each. */
  const environment = (more: Readonly<Record<string, string>> = {}) => ({
    ...QUIET,
    REDIS_PORT: String(redis.port),
    REDIS_DB: String(databases++ % 16),
    ...more,
  });

  describe.each(
    LANES.flatMap((lane) => ['application.mjs', 'application.cjs'].map((program) => ({ ...lane, program }))),
  )('the $lane BullMQ beside SDK $sdk in $program, unchanged', ({ program, ...lane }) => {
    const isNewest = lane.lane === 'newest';
    let application: EngineApplication;
    let plain: ProgramEnd;
    let registered: ProgramEnd;
    let ledger: Ledger;

    beforeAll(async () => {
      application = await createEngineApplication('bullmq', lane);
      const args = isNewest ? [...EVERYWHERE, ...NEWER] : EVERYWHERE;
      plain = await application.run(program, { args, plain: true, env: environment() });
      registered = await application.run(program, { args, env: environment({ SPANS_FILE: 'spans.txt' }) });
      ledger = await ledgerOf(application);
    }, INSTALL_MILLIS);
    afterAll(() => application?.remove());

    it('behaves as it does without: results, errors, retries, the exit code', () => {
      expect({ ...registered, stdout: withoutIds(registered.stdout) }).toEqual({
        ...plain,
        stdout: withoutIds(plain.stdout),
      });
      expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
    });

    it('has a job on its own as a pipeline, which is about that job', () => {
      expect(ledger.described('send')).toEqual([' > pipeline send: success', ' > pipeline send: success']);
      const runs = ledger.rows.filter(({ name }) => name === 'send');
      expect(runs.map(({ correlation_id }) => correlation_id).sort()).toEqual(['mail:to-ada', 'mail:to-bob']);
      expect(new Set(runs.map(({ run_id }) => run_id)).size).toBe(2);
      expect(runs[0]).toMatchObject({ source: 'mail', final: null });
      expect(runs[0]?.wait_ms).toBeGreaterThanOrEqual(0);
      expect(runs[0]?.attributes).toContain('"runledger.engine":"bullmq"');
    });

    it('has spans made in a processor below its job', () => {
      const sent = ledger.rows.filter(({ name }) => name === 'send').map(({ span_id }) => span_id);
      expect(sent).toContain(ledger.spanOf('of ada'));
      expect(sent).toContain(ledger.spanOf('of bob'));
      expect(ledger.row('paint')?.span_id).toBe(ledger.spanOf('of paint'));
      expect(ledger.row('invoice')?.span_id).toBe(ledger.spanOf('of invoice'));
    });

    it('has an execution for each attempt, and knows the last one', () => {
      expect(ledger.attemptsOf('flaky')).toEqual([
        [1, 'failure', 'try 1 of flaky', 0],
        [2, 'failure', 'try 2 of flaky', 0],
        [3, 'success', null, 1],
      ]);
      expect(ledger.attemptsOf('broken')).toEqual([
        [1, 'failure', 'try 1 of broken', 0],
        [2, 'failure', 'try 2 of broken', 0],
        [3, 'failure', 'try 3 of broken', 1],
      ]);
      expect(ledger.attemptsOf('hopeless')).toEqual([[1, 'failure', 'never', 1]]);
      expect(ledger.row('broken')?.error_type).toBe('RangeError');
      expect(ledger.row('hopeless')?.error_type).toBe('UnrecoverableError');
      const ids = ledger.rows.filter(({ name }) => name === 'flaky').map((row) => row.correlation_id);
      expect(new Set(ids).size).toBe(1);
    });

    it('has a flow as a pipeline of its jobs, which ends with its root job', () => {
      expect(ledger.described('renovate')).toEqual([
        ' > pipeline renovate: success',
        'renovate > process buy-paint: success',
        'renovate > process floor: failure',
        'renovate > process floor: success',
        'renovate > process paint: success',
        'renovate > process renovate: success',
      ]);
      const pipeline = ledger.row('renovate', 1, 'pipeline');
      expect(pipeline).toMatchObject({ recovered_failures: 1, state: 'ended', failed_step: null });
      const root = ledger.row('renovate', 1, 'process');
      // A span that is given its start ends in whole milliseconds.
      expect(Number(pipeline?.ended_at)).toBeGreaterThanOrEqual(Math.floor(Number(root?.ended_at)));
      const jobs = ledger.rows.filter((row) => row.pipeline === 'renovate');
      expect(new Set(jobs.map(({ run_id }) => run_id)).size).toBe(1);
      expect(new Set(jobs.map(({ trace_id }) => trace_id)).size).toBe(1);
    });

    it('has each flow of several as a run of its own', () => {
      expect(ledger.described('one')).toEqual([
        ' > pipeline one: success',
        'one > process one: success',
        'one > process track of one: success',
      ]);
      expect(ledger.row('two', 1, 'pipeline')?.run_id).not.toBe(ledger.row('one', 1, 'pipeline')?.run_id);
    });

    it('has a job that is put off, by time or for children, as one execution', () => {
      expect(ledger.described('postpone')).toEqual([' > pipeline postpone: success']);
      expect(ledger.row('postpone')).toMatchObject({ attempt: 1, state: 'ended' });
      expect(ledger.row('postpone')?.suspended_ms).toBeGreaterThanOrEqual(0);
      expect(ledger.described('split')).toEqual([
        ' > pipeline split: success',
        'split > process piece: success',
      ]);
    });

    it('has a hit rate limit as a rejection, and the job goes on', () => {
      expect(ledger.described('call')).toEqual([
        ' > pipeline call: success',
        'call > step call (rate limit): rejection',
      ]);
      expect(ledger.row('call (rate limit)')?.rejection_reason).toBe('rate_limit');
    });

    it('has a job whose worker was lost as an error, where BullMQ tells, and its repetition beside it', () => {
      const lost = [1, 'error', 'the worker lost job 1: its lock expired, or it was closed', null];
      const repeated = [1, 'success', null, null];
      expect(ledger.attemptsOf('heavy')).toEqual(isNewest ? [lost, repeated] : [repeated]);
    });

    it('has a job that a job adds as a process of the same run', () => {
      expect(ledger.described('order')).toEqual([
        ' > pipeline order: success',
        'order > process archive: success',
        'order > process invoice: success',
      ]);
      expect(ledger.row('invoice')).toMatchObject({
        run_id: ledger.row('order')?.run_id,
        correlation_id: 'orders:1',
      });
    });

    it('joins the trace of the code that adds a job, but no schedule does', () => {
      expect(ledger.row('click')?.parent_span_id).toBe(ledger.spanOf('GET /click'));
      expect(ledger.row('tick')).toMatchObject({
        kind: 'pipeline',
        outcome: 'success',
        parent_span_id: null,
      });
    });

    if (!isNewest) return;

    it('has a job that is processed in a process of its own', () => {
      expect(ledger.row('fine')?.outcome).toBe('success');
      expect(ledger.row('bad')).toMatchObject({ outcome: 'failure', error_message: 'bad input' });
    });

    it('fails with the job that made it fail, where a parent fails with its child', () => {
      expect(ledger.described('build-car')).toEqual([
        ' > pipeline build-car: failure',
        'build-car > process build-car: failure',
        'build-car > process frame: failure',
      ]);
      expect(ledger.row('build-car', 1, 'pipeline')).toMatchObject({
        failed_step: 'frame',
        error_type: 'UnrecoverableError',
        error_message: 'child bull:parts:frame-1 failed',
      });
      expect(ledger.row('build-car', 1, 'process')?.error_chain).toContain('frame is bent');
      expect(ledger.row('frame')?.error_type).toBe('RangeError');
    });

    it('respects omitContext', () => {
      expect(ledger.described('keep')).toEqual([' > pipeline keep: success']);
      expect(ledger.row('keep')?.parent_span_id).toBeNull();
    });
  });

  describe.each(LANES)('the $lane BullMQ with its own OpenTelemetry beside SDK $sdk', (lane) => {
    let application: EngineApplication;
    let plain: ProgramEnd;
    let registered: ProgramEnd;
    let ledger: Ledger;

    beforeAll(async () => {
      application = await createEngineApplication('bullmq', lane);
      const args =
        lane.lane === 'newest'
          ? [...EVERYWHERE, ...NEWER]
          : EVERYWHERE.filter((scenario) => !BROKEN_BY_TELEMETRY.has(scenario));
      const run = (isPlain: boolean) =>
        application.run('application.mjs', {
          args,
          plain: isPlain,
          env: environment({ NATIVE: '1', ...(!isPlain && { SPANS_FILE: 'spans.txt' }) }),
        });
      plain = await run(true);
      registered = await run(false);
      ledger = await ledgerOf(application);
    }, INSTALL_MILLIS);
    afterAll(() => application?.remove());

    it('behaves as it does without', () => {
      expect({ ...registered, stdout: withoutIds(registered.stdout) }).toEqual({
        ...plain,
        stdout: withoutIds(plain.stdout),
      });
      expect(plain.exitCode).toBe(0);
    });

    it("has BullMQ's own span as the execution of a job", () => {
      const attributes = JSON.parse(String(ledger.row('invoice')?.attributes));
      expect(attributes).toMatchObject({
        'bullmq.queue.operation': 'process',
        'runledger.engine': 'bullmq',
      });
      expect(ledger.row('invoice')?.span_id).toBe(ledger.spanOf('of invoice'));
      expect(ledger.rows.filter(({ name }) => name === 'invoice')).toHaveLength(1);
      expect(ledger.rows.filter(({ flags }) => /late|start_missing/.test(String(flags)))).toEqual([]);
    });

    it('knows how a job failed, which its span does not say', () => {
      expect(ledger.attemptsOf('fragile')).toEqual([[1, 'failure', 'it broke', 1]]);
      expect(ledger.row('fragile')).toMatchObject({ error_type: 'RangeError' });
      expect(ledger.row('fragile')?.error_stack).toContain('scenarios.cjs');
    });

    it('has flows, put-off, limited, lost and added jobs as without it', () => {
      expect(ledger.described('one')).toEqual([
        ' > pipeline one: success',
        'one > process one: success',
        'one > process track of one: success',
      ]);
      const jobs = ledger.rows.filter((row) => row.pipeline === 'one');
      expect(new Set(jobs.map(({ trace_id }) => trace_id)).size).toBe(1);
      expect(ledger.described('postpone')).toEqual([' > pipeline postpone: success']);
      expect(ledger.described('split')).toEqual([
        ' > pipeline split: success',
        'split > process piece: success',
      ]);
      expect(ledger.described('call')).toEqual([
        ' > pipeline call: success',
        'call > step call (rate limit): rejection',
      ]);
      expect(ledger.described('order')).toEqual([
        ' > pipeline order: success',
        'order > process archive: success',
        'order > process invoice: success',
      ]);
      expect(ledger.attemptsOf('heavy').at(-1)).toEqual([1, 'success', null, null]);
      expect(ledger.attemptsOf('heavy')).toHaveLength(lane.lane === 'newest' ? 2 : 1);
      expect(ledger.row('tick')).toMatchObject({ kind: 'pipeline', parent_record_id: null });
    });
  });

  describe.each(LANES)('the $lane BullMQ in several processes', (lane) => {
    let application: EngineApplication;
    let env: Readonly<Record<string, string>>;
    const run = async (scenario: string) => {
      const end = await application.run('application.mjs', { args: [scenario], env });
      expect(end).toMatchObject({ exitCode: 0, stderr: '' });
      return ledgerOf(application);
    };

    beforeAll(async () => {
      application = await createEngineApplication('bullmq', lane);
      env = environment({ SPANS_FILE: 'spans.txt' });
    }, INSTALL_MILLIS);
    afterAll(() => application?.remove());

    it('has a flow as one run: begun where it is added, ended where its root job is', async () => {
      const added = await run('addFlow');
      expect(added.rows).toEqual([
        expect.objectContaining({ kind: 'pipeline', name: 'etl', state: 'suspended', outcome: null }),
      ]);
      const extracted = await run('extract');
      expect(extracted.row('etl')).toMatchObject({ state: 'suspended' });
      const { rows, ...loaded } = await run('load').then((ledger) => ({
        rows: ledger.rows,
        described: ledger.described('etl'),
        pipeline: ledger.row('etl', 1, 'pipeline'),
        requestSpan: ledger.spanOf('POST /etl'),
      }));

      expect(loaded.described).toEqual([
        ' > pipeline etl: success',
        'etl > process etl: success',
        'etl > process extract-a: success',
        'etl > process extract-b: success',
      ]);
      const before = added.row('etl');
      expect(loaded.pipeline).toMatchObject({
        record_id: before?.record_id,
        run_id: before?.run_id,
        state: 'ended',
        outcome: 'success',
      });
      expect(Number(loaded.pipeline?.started_at)).toBeCloseTo(Number(before?.started_at), 2);
      expect(new Set(rows.map(({ run_id }) => run_id)).size).toBe(1);
      expect(new Set(rows.map(({ trace_id }) => trace_id)).size).toBe(1);
      expect(new Set(rows.map(({ pid }) => pid)).size).toBe(2);
      expect(before?.parent_span_id).toBe(loaded.requestSpan);
    }, 60_000);

    it('fails a flow in the process its root job fails in', async () => {
      await run('addFlow');
      await run('extract');
      const ledger = await run('failToLoad');
      const failed = ledger.rows.filter(({ outcome }) => outcome === 'failure');
      expect(failed.map(({ kind, error_type }) => [kind, error_type])).toEqual([
        ['pipeline', 'TypeError'],
        ['process', 'TypeError'],
      ]);
      expect(failed[0]).toMatchObject({ failed_step: 'etl', failed_record_id: failed[1]?.record_id });
    }, 60_000);

    it('goes on with a job that another process put off, in the same record', async () => {
      const before = (await run('putOff')).row('wait');
      expect(before).toMatchObject({ state: 'suspended', outcome: null });
      const after = (await run('goOn')).rows.filter(({ name }) => name === 'wait');
      expect(after).toEqual([
        expect.objectContaining({
          record_id: before?.record_id,
          run_id: before?.run_id,
          state: 'ended',
          outcome: 'success',
        }),
      ]);
      expect(after[0]?.pid).not.toBe(before?.pid);
    }, 60_000);
  });

  it(
    "has one execution for each job beside AppSignal's spans of it, which are recognised where there is nothing else",
    async () => {
      const application = await createEngineApplication('bullmq', LANES[1] as Lane);
      const register = join(application.path, 'node_modules', 'runledger', 'dist', 'register.js');
      const vendor = join(application.path, 'appsignal.cjs');
      const args = ['attempts', 'flow', 'inside'];
      /** The rows of a run in which these are imported first, and the spans there were. */
      const run = async (imports: readonly string[], more: Readonly<Record<string, string>> = {}) => {
        const before = new Set(application.rows().map(({ record_id }) => record_id));
        const { stdout, stderr } = await application.run('application.cjs', {
          args,
          plain: true,
          node: imports.flatMap((file) => ['--import', file]),
          env: environment({ OTEL_TRACES_EXPORTER: 'console', ...more }),
        });
        expect(stderr).toBe('');
        const rows = application.rows().filter(({ record_id }) => !before.has(record_id));
        const described = rows.map(
          ({ kind, name, attempt, outcome, parent }) => `${parent} > ${kind} ${name} ${attempt}: ${outcome}`,
        );
        return { described: described.sort(), vendorSpans: stdout.match(/name: 'Worker\.run /g)?.length };
      };

      const alone = await run([register]);
      const after = await run([register, vendor]);
      const before = await run([vendor, register]);
      const recognised = await run([register, vendor], { RUNLEDGER_ENGINES: 'none' });
      await application.remove();

      const attempts = 3 + 3 + 1 + 5 + 3;
      expect(alone).toMatchObject({ vendorSpans: undefined });
      expect(alone.described).toHaveLength(attempts + 1);
      expect(after).toEqual({ described: alone.described, vendorSpans: attempts });
      expect(before).toEqual(after);
      // One for each span: what is recognised is what would be counted twice.
      expect(recognised.described).toHaveLength(attempts);
    },
    INSTALL_MILLIS,
  );

  it(
    'counts nothing twice where there are two copies',
    async () => {
      const lane = LANES[0] as Lane;
      const application = await createEngineApplication('bullmq', lane);
      const other = join(application.path, 'node_modules', 'other');
      await mkdir(join(other, 'node_modules'), { recursive: true });
      await writeFile(join(other, 'package.json'), '{ "name": "other", "version": "1.0.0" }');
      await cp(join(FIXTURES, 'newest', 'node_modules', 'bullmq'), join(other, 'node_modules', 'bullmq'), {
        recursive: true,
      });
      const end = await application.run('two-copies.cjs', { args: ['flow', 'inside'], env: environment() });
      const ledger = await ledgerOf(application);
      await application.remove();

      expect(end).toMatchObject({ exitCode: 0, stderr: '' });
      expect(ledger.described('order')).toEqual([
        ' > pipeline order: success',
        'order > process archive: success',
        'order > process invoice: success',
      ]);
      expect(ledger.described('renovate')).toHaveLength(6);
    },
    INSTALL_MILLIS,
  );
});

(hasPostgres ? describe : describe.skip)('BullMQ on PostgreSQL', () => {
  let postgres: TestServer;
  let application: EngineApplication;
  let plain: ProgramEnd;
  let registered: ProgramEnd;
  let ledger: Ledger;

  beforeAll(async () => {
    postgres = await startPostgres();
    application = await createEngineApplication('bullmq', LANES[0] as Lane);
    const args = ['attempts', 'flow', 'failedFlow', 'delayed', 'inside', 'addFlow', 'extract', 'load'];
    const run = (isPlain: boolean) =>
      application.run('application.cjs', {
        args,
        plain: isPlain,
        env: { ...QUIET, POSTGRES_URL: postgres.url, POSTGRES_SCHEMA: isPlain ? 'plain' : 'registered' },
      });
    plain = await run(true);
    registered = await run(false);
    ledger = await ledgerOf(application);
  }, INSTALL_MILLIS);
  afterAll(async () => {
    await application?.remove();
    await postgres?.dispose();
  });

  it('behaves as it does without', () => {
    expect({ ...registered, stdout: withoutIds(registered.stdout) }).toEqual({
      ...plain,
      stdout: withoutIds(plain.stdout),
    });
    expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('is recorded as it is on Redis', () => {
    expect(ledger.described('renovate')).toEqual([
      ' > pipeline renovate: success',
      'renovate > process buy-paint: success',
      'renovate > process floor: failure',
      'renovate > process floor: success',
      'renovate > process paint: success',
      'renovate > process renovate: success',
    ]);
    expect(ledger.described('etl')).toEqual([
      ' > pipeline etl: success',
      'etl > process etl: success',
      'etl > process extract-a: success',
      'etl > process extract-b: success',
    ]);
    expect(ledger.row('build-car', 1, 'pipeline')).toMatchObject({
      outcome: 'failure',
      error_type: 'UnrecoverableError',
    });
    // The child's end may arrive after its parent's: its error is known all the same.
    expect(ledger.row('build-car', 1, 'process')?.error_chain).toContain('frame is bent');
    expect(ledger.described('postpone')).toEqual([' > pipeline postpone: success']);
    expect(ledger.described('order')).toEqual([
      ' > pipeline order: success',
      'order > process archive: success',
      'order > process invoice: success',
    ]);
    expect(ledger.attemptsOf('flaky')).toEqual([
      [1, 'failure', 'try 1 of flaky', 0],
      [2, 'failure', 'try 2 of flaky', 0],
      [3, 'success', null, 1],
    ]);
  });
});

/** Ids that BullMQ makes are random. */
function withoutIds(text: string): string {
  return text.replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'id');
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import type { LedgerReader } from '../../src/store/ledger-reader.ts';
import type { RecordStore } from '../../src/store/record-store.ts';
import {
  failure,
  processRecord,
  runRecord,
  stepRecord,
  TEST_EPOCH_MS,
} from '../support/execution-records.ts';

/** A ledger to write and to read. */
export interface LedgerUnderTest {
  readonly store: RecordStore;
  /** Opens it to read. */
  read(): Promise<LedgerReader>;
  dispose(): Promise<void>;
}

/** What every reader of a ledger gives, whatever the database. */
export function describeLedgerReader(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`a reader of ${name}`, () => {
    let subject: LedgerUnderTest;
    let store: RecordStore;
    let reader: LedgerReader;

    beforeEach(async () => {
      subject = await open();
      store = subject.store;
      await store.init();
      reader = await subject.read();
    });
    afterEach(async () => {
      await reader.close();
      await subject.dispose();
    });

    function below(
      parent: ExecutionRecord,
      overrides: Partial<ExecutionRecord> = {},
    ): Partial<ExecutionRecord> {
      return { runId: parent.runId, parentRecordId: parent.recordId, traceId: parent.traceId, ...overrides };
    }

    const names = (rows: readonly { readonly name: string }[]): readonly string[] =>
      rows.map((row) => row.name);

    describe('runs', () => {
      it('lists the outermost executions, newest first', async () => {
        const older = runRecord({ name: 'older' });
        const nested = runRecord({ name: 'nested', ...below(older) });
        const newer = runRecord({ name: 'newer' });
        await store.write([
          older,
          nested,
          stepRecord(below(older)),
          newer,
          stepRecord({ name: 'lonely step' }),
        ]);
        expect(names(await reader.runs())).toEqual(['lonely step', 'newer', 'older']);
        expect(names(await reader.runs({ nested: true }))).toEqual([
          'lonely step',
          'newer',
          'nested',
          'older',
        ]);
        expect(names(await reader.runs({ limit: 1 }))).toEqual(['lonely step']);
      });

      it('sees what is written after it was opened', async () => {
        expect(await reader.runs()).toEqual([]);
        await store.write([runRecord()]);
        expect(await reader.runs()).toHaveLength(1);
      });

      it('filters by outcome, tenant, correlation id and time, all together', async () => {
        const wanted = { tenant: 'acme', correlationId: 'c1', ...failure() };
        const run = runRecord(wanted);
        await store.write([
          run,
          runRecord({ ...wanted, outcome: 'success' }),
          runRecord({ ...wanted, tenant: 'other' }),
          runRecord({ ...wanted, correlationId: 'c2' }),
          runRecord({ ...wanted, startedAt: TEST_EPOCH_MS - 60_000 }),
        ]);
        const filter = { failed: true, tenant: 'acme', correlationId: 'c1', sinceMs: TEST_EPOCH_MS };
        expect((await reader.runs(filter)).map((row) => row.record_id)).toEqual([run.recordId]);
      });

      it.each(['failure', 'error', 'timeout'] as const)('counts %s as failed', async (outcome) => {
        await store.write([runRecord({ outcome }), runRecord({ outcome: 'cancellation' }), runRecord()]);
        expect((await reader.runs({ failed: true })).map((row) => row.outcome)).toEqual([outcome]);
      });

      it.each([
        ['nightly-*', ['nightly-b', 'nightly-a']],
        ['*', ['a%_[x]?', 'nightly-b', 'nightly-a']],
        ['nightly-a', ['nightly-a']],
        ['nightly-?', []],
        ['a%*', ['a%_[x]?']],
        ['*[x]?', ['a%_[x]?']],
        ['a%_[x]?', ['a%_[x]?']],
        ['*[a-z]*', []],
        ["' or 1=1 --", []],
      ])('takes only * as a wildcard in the name: %s', async (name, expected) => {
        await store.write([
          runRecord({ name: 'nightly-a' }),
          runRecord({ name: 'nightly-b' }),
          runRecord({ name: 'a%_[x]?' }),
        ]);
        expect(names(await reader.runs({ name }))).toEqual(expected);
      });
    });

    it('takes any text as a value, never as SQL', async () => {
      const schema = 'select count(*) from record_quarantine';
      const before = await reader.query(schema);
      const fragments = [
        "'",
        '"',
        ';',
        '--',
        '/*',
        '*/',
        ')',
        '\\',
        '[',
        '?',
        '%',
        '_',
        'drop table x',
        ' or 1=1',
        'ü',
        '😀',
      ];
      const text = fc
        .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'grapheme-ascii' })), {
          minLength: 1,
        })
        .map((parts) => parts.join('').replaceAll('*', '+'));
      await fc.assert(
        fc.asyncProperty(text, async (name) => {
          const run = runRecord({ name, tenant: name, correlationId: name, runId: `run ${name}` });
          await store.write([run]);
          const filter = { name, tenant: name, correlationId: name, limit: 1 };
          expect((await reader.runs(filter)).map((row) => row.record_id)).toEqual([run.recordId]);
          expect((await reader.run(`run ${name}`)).map((row) => row.record_id)).toContain(run.recordId);
        }),
        { numRuns: 200, seed: 1 },
      );
      expect(await reader.query(schema)).toEqual(before);
    });

    describe('run', () => {
      it('gives every record of a run in order of start, by any id of it', async () => {
        const root = runRecord({ runId: 'b7e2-run' });
        const process = processRecord(below(root));
        const step = stepRecord(below(process));
        await store.write([step, process, root, runRecord({ runId: 'c000-run' })]);
        const expected = [root, process, step].map((record) => record.recordId);
        for (const id of ['b7e2-run', 'b7', root.recordId, step.recordId, step.recordId.slice(0, -1)]) {
          expect((await reader.run(id)).map((row) => row.record_id)).toEqual(expected);
        }
      });

      it('puts parents before their children, and siblings in order of their ends, where all start at once', async () => {
        const at = { startedAt: TEST_EPOCH_MS };
        const root = runRecord({ runId: 'b7e2-run', seq: 9, ...at });
        const process = processRecord({ ...below(root, at), seq: 4 });
        const steps = [1, 2, 3].map((seq) => stepRecord({ ...below(process, at), seq }));
        const sibling = stepRecord({ ...below(root, at), seq: 5 });
        await store.write([...steps.toReversed(), sibling, process, root]);

        const expected = [root, process, sibling, ...steps].map((record) => record.recordId);
        expect((await reader.run('b7e2-run')).map((row) => row.record_id)).toEqual(expected);
      });

      it('gives every record where parent ids run in a circle', async () => {
        const [first, second] = [stepRecord({ runId: 'r' }), stepRecord({ runId: 'r' })];
        await store.write([
          { ...first, parentRecordId: second.recordId },
          { ...second, parentRecordId: first.recordId },
        ]);
        expect(await reader.run('r')).toHaveLength(2);
      });

      it('gives nothing for an id it does not know', async () => {
        await store.write([runRecord()]);
        expect(await reader.run('zzz')).toEqual([]);
        expect(await reader.run('')).toEqual([]);
        expect(await reader.run("%' or 1=1 --")).toEqual([]);
      });

      it('gives what failed, and what it belongs to, of a run longer than asked for', async () => {
        const run = runRecord({ name: 'long' });
        const process = processRecord({ name: 'extract', ...below(run) });
        const steps = Array.from({ length: 40 }, (_, at) => stepRecord({ name: `ok ${at}`, ...below(run) }));
        const failed = stepRecord({ name: 'fails', ...below(process), ...failure('boom') });
        // Stored last, as a run ends after all that is in it.
        await store.write([...steps, failed, process, run]);

        const rows = names(await reader.run(run.runId, { limit: 4 }));
        // Which of the others come first is up to the database: those stored first, or started first.
        expect(rows).toEqual(expect.arrayContaining(['fails', 'extract', 'long', 'ok 0']));
        expect(rows.length).toBeLessThanOrEqual(6);
        expect(await reader.runSize(run.runId)).toBe(43);
        expect(await reader.run(run.runId, { limit: 44 })).toHaveLength(43);
      });

      it('names the runs an abbreviation could mean', async () => {
        await store.write([
          runRecord({ runId: 'ab1' }),
          runRecord({ runId: 'ab2' }),
          runRecord({ runId: 'ac' }),
        ]);
        await expect(reader.run('ab')).rejects.toMatchObject({
          code: 'AMBIGUOUS_ID',
          message: "'ab' stands for several runs: ab1, ab2. Give more of the id.",
        });
      });

      it('takes a whole run id that is the start of another one', async () => {
        await store.write([runRecord({ runId: 'ab' }), runRecord({ runId: 'abc' })]);
        expect((await reader.run('ab')).map((row) => row.run_id)).toEqual(['ab']);
      });
    });

    describe('failures', () => {
      it('groups the executions that failed first by cause, newest first', async () => {
        const first = runRecord({ ...failure('disk full'), failedRecordId: 'x', runId: 'run-1' });
        const second = runRecord({ ...failure('disk full'), failedRecordId: 'y', runId: 'run-2' });
        const other = runRecord({ ...failure('no route'), runId: 'run-3' });
        const steps = [
          stepRecord({ ...below(first), ...failure('disk full'), name: 'download' }),
          stepRecord({ ...below(second), ...failure('disk full'), name: 'upload' }),
        ];
        await store.write([first, second, other, ...steps, stepRecord(below(first))]);
        expect(await reader.failures()).toEqual([
          {
            fingerprint: failure('disk full').errorFingerprint,
            error_type: 'Error',
            error_message: 'disk full',
            pipeline: 'nightly-orders',
            failed_step: 'upload',
            count: 2,
            first_seen: steps[0]?.endedAt,
            last_seen: steps[1]?.endedAt,
            last_run_id: 'run-2',
          },
          expect.objectContaining({ error_message: 'no route', count: 1, last_run_id: 'run-3' }),
        ]);
      });

      it('counts only what started since a time, and no more groups than the limit', async () => {
        await store.write([
          stepRecord({ ...failure('a'), startedAt: TEST_EPOCH_MS - 1_000 }),
          stepRecord({ ...failure('a'), startedAt: TEST_EPOCH_MS + 1_000 }),
          stepRecord({ ...failure('b'), startedAt: TEST_EPOCH_MS + 2_000 }),
        ]);
        const since = await reader.failures({ sinceMs: TEST_EPOCH_MS });
        expect(since.map((group) => [group.error_message, group.count])).toEqual([
          ['b', 1],
          ['a', 1],
        ]);
        expect(await reader.failures({ limit: 1 })).toHaveLength(1);
      });

      it('has none where nothing failed', async () => {
        await store.write([stepRecord()]);
        expect(await reader.failures()).toEqual([]);
      });
    });

    describe('the views', () => {
      it('have a row for each run, process and step, with the names people know', async () => {
        const root = runRecord({ ...failure(), failedStep: 'load', failedRecordId: 'f' });
        const process = processRecord(below(root));
        const inProcess = stepRecord({ ...below(process), name: 'inside' });
        const outside = stepRecord({ ...below(root), name: 'outside' });
        await store.write([root, process, inProcess, outside]);
        const all = async (text: string): Promise<unknown> => (await reader.query(text)).rows;
        expect(
          await all(
            'select pipeline, status, failed_step, failed_step_run_id, started_utc, duration_ms from pipeline_runs',
          ),
        ).toEqual([['nightly-orders', 'failed', 'load', 'f', new Date(root.startedAt).toISOString(), 5]]);
        expect(await all('select process_run_id, process, status from process_runs')).toEqual([
          [process.recordId, 'extract', 'success'],
        ]);
        expect(await all('select step, process_run_id from step_runs order by step')).toEqual([
          ['inside', process.recordId],
          ['outside', null],
        ]);
        expect(await all('select record_id from failed_runs')).toEqual([[root.recordId]]);
      });

      it('weigh each record by how likely it was to be kept, and leave out what did no work', async () => {
        const kept = { name: 'load', sampleRate: 0.25, durationMs: 10 };
        await store.write([
          stepRecord(kept),
          stepRecord({ ...kept, sampleRate: 1, durationMs: 30, ...failure() }),
          stepRecord({ ...kept, outcome: 'skip', durationMs: 0 }),
          stepRecord({ ...kept, outcome: 'rejection', durationMs: 0 }),
        ]);
        const text =
          'select records, executions, failures, failure_rate, mean_duration_ms from outcome_rates';
        expect((await reader.query(text)).rows).toEqual([[2, 5, 1, 0.2, 14]]);
        const durations = await reader.query(
          'select status, duration_ms from step_runs order by step_run_id',
        );
        expect(durations.rows).toEqual([
          ['success', 10],
          ['failed', 30],
          ['skip', null],
          ['rejection', null],
        ]);
      });
    });

    it('tells what the ledger holds', async () => {
      const root = runRecord(failure());
      await store.write([root, stepRecord(below(root)), runRecord()]);
      await store.quarantine([{ record: stepRecord(), reason: 'SQLITE_CONSTRAINT' }]);
      const stats = await reader.stats();
      expect(stats).toMatchObject({
        ...{ records: 3, runs: 2, failedRuns: 1, quarantined: 1 },
        ...{ schema: '0001_execution_records', schemaKnown: '0001_execution_records' },
        oldestStartedAt: root.startedAt,
      });
      expect(stats.bytes).toBeGreaterThan(4_096);
    });

    it('refuses what does not only read, and says what it does not understand', async () => {
      await store.write([runRecord()]);
      for (const text of [
        'delete from execution_records',
        'with x as (select 1) delete from execution_records',
        'drop table execution_records',
        'set session foo = 1',
        '  -- nothing\n',
        'select 1; delete from execution_records',
      ]) {
        await expect(reader.query(text)).rejects.toMatchObject({
          name: 'LedgerError',
          code: expect.stringMatching(/^QUERY_/),
        });
      }
      await expect(reader.query('select * from nowhere')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
      expect(await reader.runs()).toHaveLength(1);
    });

    it('gives columns and rows of a query, two columns of one name too', async () => {
      await store.write([runRecord({ name: 'one' })]);
      expect(await reader.query('-- names\nselect name, rev as name, tenant from execution_records')).toEqual(
        {
          columns: ['name', 'name', 'tenant'],
          rows: [['one', 1, null]],
        },
      );
    });

    it('can be closed twice', async () => {
      await reader.close();
      await reader.close();
    });
  });
}

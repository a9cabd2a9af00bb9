import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { EXECUTION_COLUMNS, type ExecutionRow, rowValuesFromRecord } from '../../src/store/execution-row.ts';
import type { RecordStore, RetentionPolicy } from '../../src/store/record-store.ts';
import { failure, runRecord, stepRecord, TEST_EPOCH_MS, TEST_WRITER } from '../support/execution-records.ts';
import { describeAccounts } from './describe-accounts.ts';
import { describeInterrupt } from './describe-interrupt.ts';
import { describeRemoteChildren } from './describe-remote-children.ts';

/** A store under test, and a way to see what it keeps that is not the store itself. */
export interface StoreUnderTest {
  readonly store: RecordStore;
  rows(): Promise<readonly ExecutionRow[]>;
  /** Record id and reason of what is in quarantine. */
  quarantined(): Promise<readonly (readonly [string, string])[]>;
  /** What the ledger has to account for, an instance each: the view `lost_records`. */
  balances(): Promise<readonly InstanceBalance[]>;
  /** Ends the test: closes what is still open and removes what was made. */
  dispose(): Promise<void>;
}

/** A row of `lost_records`, by the columns the contract is about. */
export interface InstanceBalance {
  readonly instance_id: string;
  readonly service_name: string;
  readonly durability: string;
  readonly heartbeat_at: number;
  readonly ended_at: number | null;
  readonly last_seq: number;
  readonly sampled_out: number;
  readonly stored_records: number;
  readonly quarantined: number;
  readonly pruned: number;
  readonly lost: number;
  readonly lost_unnumbered: number;
  readonly missing: number;
}

/** How a store for the contract is made. `now` is the time retention goes by. */
export type OpenStore = (options: { readonly now: () => number }) => Promise<StoreUnderTest>;

const DAY_MS = 86_400_000;
const KEEP: RetentionPolicy = { maxAgeMs: 7 * DAY_MS, failedMaxAgeMs: 90 * DAY_MS, maxBytes: 2 ** 40 };

/** The contract every store honours; a new store gets its tests by calling this once. */
export function describeRecordStore(name: string, open: OpenStore): void {
  describe(`${name} as a RecordStore`, () => {
    let now = TEST_EPOCH_MS;
    let subject: StoreUnderTest;
    let store: RecordStore;

    beforeEach(async () => {
      now = TEST_EPOCH_MS + DAY_MS;
      subject = await open({ now: () => now });
      store = subject.store;
      await store.init();
    });
    afterEach(() => subject.dispose());

    const ids = async (): Promise<readonly string[]> =>
      (await subject.rows()).map((row) => row.record_id).sort();

    describe('write', () => {
      it('keeps one row when a batch is written twice', async () => {
        const batch = [runRecord(), stepRecord()];
        await store.write(batch);
        await store.write(batch);
        expect(await ids()).toEqual(batch.map((record) => record.recordId).sort());
      });

      it('keeps the higher revision, whichever comes last', async () => {
        const running = runRecord({ rev: 1, state: 'running', tenant: 'acme' });
        const { tenant: _, ...withoutTenant } = running;
        const ended: ExecutionRecord = { ...withoutTenant, rev: 2, state: 'ended', name: 'renamed' };
        await store.write([running]);
        await store.write([ended]);
        await store.write([running]);
        expect(await subject.rows()).toEqual([
          expect.objectContaining({ rev: 2, state: 'ended', name: 'renamed', tenant: null }),
        ]);
      });

      it('keeps the higher revision of two in one batch', async () => {
        const first = stepRecord({ rev: 1 });
        await store.write([{ ...first, rev: 3 }, first, { ...first, rev: 2 }]);
        expect(await subject.rows()).toEqual([expect.objectContaining({ rev: 3 })]);
      });

      it('keeps nothing of a batch with a record it refuses, and goes on after it', async () => {
        const good = stepRecord();
        const bad = stepRecord({ name: undefined as never });
        const refusal = store.write([good, bad, stepRecord()]);
        await expect(refusal).rejects.toMatchObject({ code: expect.any(String) });
        await expect(refusal).rejects.toThrow(/execution_records\.name|column ["']name["']/i);
        expect(await ids()).toEqual([]);
        await store.write([good]);
        expect(await ids()).toEqual([good.recordId]);
      });

      it('takes an empty batch and one of 4,096', async () => {
        await store.write([]);
        await store.write(Array.from({ length: 4_096 }, () => stepRecord()));
        expect(await subject.rows()).toHaveLength(4_096);
      });

      it('keeps batches that are written at the same time', async () => {
        const batches = Array.from({ length: 8 }, () => [stepRecord(), stepRecord()]);
        await Promise.all(batches.map((batch) => store.write(batch)));
        expect(await subject.rows()).toHaveLength(16);
      });

      it('keeps every column', async () => {
        const record = fullRecord();
        await store.write([record]);
        const [row] = await subject.rows();
        const expected = Object.fromEntries(
          EXECUTION_COLUMNS.map((column, index) => [column.name, rowValuesFromRecord(record)[index]]),
        );
        expect(Object.values(expected)).not.toContain(null);
        expect(row).toEqual(expected);
      });

      it.each([
        ['quotes and semicolons', `'; drop table execution_records; --`],
        ['a quoted identifier', `"execution_records" where 1=1 /*`],
        ['placeholders', '? ?1 :name $1 @x %s'],
        ['a prototype name', '__proto__'],
        ['emoji and combining marks', '👩‍👩‍👧‍👦 e\u0301 \u202e אב'],
        ['a replacement character', 'a\ufffdb'],
        ['line ends and controls', 'a\r\n\tb\u0001\u007f'],
        ['64 KB', 'ü'.repeat(32_768)],
        ['an empty text', ''],
      ])('keeps hostile text as it is: %s', async (_, text) => {
        await store.write([stepRecord({ name: text, tenant: text, errorMessage: text, attributes: text })]);
        expect(await subject.rows()).toEqual([
          expect.objectContaining({ name: text, tenant: text, error_message: text, attributes: text }),
        ]);
      });

      it('keeps fractions of a millisecond and large integers', async () => {
        const startedAt = TEST_EPOCH_MS + 0.123;
        await store.write([stepRecord({ startedAt, rowsIn: Number.MAX_SAFE_INTEGER, durationMs: 0.001 })]);
        expect(await subject.rows()).toEqual([
          expect.objectContaining({
            started_at: startedAt,
            rows_in: Number.MAX_SAFE_INTEGER,
            duration_ms: 0.001,
          }),
        ]);
      });
    });

    describe('quarantine', () => {
      it('keeps a record once, with the reason it was refused for', async () => {
        const record = stepRecord({ name: undefined as never });
        await store.quarantine([{ record, reason: 'SQLITE_CONSTRAINT' }]);
        await store.quarantine([{ record, reason: 'SQLITE_CONSTRAINT' }]);
        expect(await subject.quarantined()).toEqual([[record.recordId, 'SQLITE_CONSTRAINT']]);
        expect(await ids()).toEqual([]);
      });

      it('gives up what is discarded, and counts it once', async () => {
        const [kept, gone] = [stepRecord(), stepRecord()];
        await store.quarantine([kept, gone].map((record) => ({ record, reason: '22001' })));
        const key = { recordId: gone.recordId, rev: gone.rev };
        expect(await store.discard?.([key, { ...key, rev: 99 }])).toBe(1);
        expect(await store.discard?.([key])).toBe(0);
        expect(await subject.quarantined()).toEqual([[kept.recordId, '22001']]);
      });
    });

    describe('prune', () => {
      it('removes runs by the age of their last end, failed ones later', async () => {
        const old = run(TEST_EPOCH_MS - 8 * DAY_MS);
        const oldFailed = run(TEST_EPOCH_MS - 9 * DAY_MS, failure());
        const ancientFailed = run(TEST_EPOCH_MS - 100 * DAY_MS, failure());
        const recent = run(TEST_EPOCH_MS);
        await store.write([...old, ...oldFailed, ...ancientFailed, ...recent]);
        const report = await store.prune(KEEP);
        expect(report).toMatchObject({ removedByAge: 4, removedBySize: 0 });
        expect(await ids()).toEqual([...oldFailed, ...recent].map((record) => record.recordId).sort());
      });

      it('keeps a long run whole while its end is young', async () => {
        const startedAt = TEST_EPOCH_MS - 10 * DAY_MS;
        const root = runRecord({ startedAt, durationMs: 10 * DAY_MS });
        const step = stepRecord({ startedAt, runId: root.runId, parentRecordId: root.recordId });
        await store.write([root, step]);
        expect(await store.prune(KEEP)).toMatchObject({ removedByAge: 0 });
        expect(await ids()).toHaveLength(2);
      });

      it('keeps a run with an execution that never ended as long as a failed one', async () => {
        const { endedAt: _e, outcome: _o, ...open } = runRecord({ startedAt: TEST_EPOCH_MS - 8 * DAY_MS });
        await store.write([{ ...open, state: 'running' }]);
        expect(await store.prune(KEEP)).toMatchObject({ removedByAge: 0 });
        now += 90 * DAY_MS;
        expect(await store.prune(KEEP)).toMatchObject({ removedByAge: 1 });
      });

      it('removes the oldest runs without a failure first when the store is too large', async () => {
        const payload = { attributes: 'x'.repeat(4_000) };
        const failed = run(TEST_EPOCH_MS - 3_000, { ...failure(), ...payload });
        const runs = Array.from({ length: 200 }, (_, index) => run(TEST_EPOCH_MS + index, payload));
        await store.write([...failed, ...runs.flat()]);
        const report = await store.prune({ ...KEEP, maxBytes: 600_000 });
        const kept = await ids();
        expect(report.removedByAge).toBe(0);
        expect(report.removedBySize).toBe(402 - kept.length);
        expect(kept.length).toBeGreaterThan(20);
        expect(kept.length).toBeLessThan(300);
        expect(kept).toEqual(expect.arrayContaining(failed.map((record) => record.recordId)));
        expect(kept).toEqual(expect.arrayContaining((runs.at(-1) ?? []).map((record) => record.recordId)));
        expect(report.bytesAfter).toBeLessThan(report.bytesBefore);
      });
    });

    describeAccounts(open);
    describeInterrupt(open);
    describeRemoteChildren(open);

    describe('its life', () => {
      it('can be initialised again and keeps what it has', async () => {
        await store.write([stepRecord()]);
        await store.init();
        await store.write([stepRecord()]);
        expect(await subject.rows()).toHaveLength(2);
      });

      it('can be closed twice, and refuses every call after it', async () => {
        const record = stepRecord();
        await store.write([record]);
        await Promise.all([store.close(), store.close()]);
        await store.close();
        const refused = { code: 'RUNLEDGER_STORE_CLOSED' };
        await expect(store.write([record])).rejects.toMatchObject(refused);
        await expect(store.quarantine([{ record, reason: 'x' }])).rejects.toMatchObject(refused);
        await expect(store.prune(KEEP)).rejects.toMatchObject(refused);
        await expect(store.init()).rejects.toMatchObject(refused);
        expect(await ids()).toEqual([record.recordId]);
      });

      it('finishes what is under way before it closes', async () => {
        const batches = Array.from({ length: 4 }, () => Array.from({ length: 256 }, () => stepRecord()));
        const writes = batches.map((batch) => store.write(batch));
        await store.close();
        await Promise.all(writes);
        expect(await subject.rows()).toHaveLength(1_024);
      });
    });
  });
}

/** A run of one step; the step takes the overrides. */
function run(startedAt: number, step: Partial<ExecutionRecord> = {}): readonly ExecutionRecord[] {
  const root = runRecord({ startedAt });
  return [root, stepRecord({ startedAt, ...step, runId: root.runId, parentRecordId: root.recordId })];
}

/** A record in which no column is NULL. */
function fullRecord(): ExecutionRecord {
  return stepRecord({
    ...failure(),
    errorCode: 'ECONNREFUSED',
    version: '1',
    definitionHash: 'd',
    parentRecordId: 'p',
    correlationId: 'c',
    final: true,
    tenant: 't',
    waitMs: 1.5,
    suspendedMs: 2.5,
    failedStep: 'download',
    failedRecordId: 'f',
    failedSteps: '[]',
    failedCount: 2,
    remoteFailures: 3,
    writer: { ...TEST_WRITER, serviceInstanceId: 'i' },
    rejectionReason: 'tenant_limit',
    rejectionDetail: '{}',
    skipReason: 's',
    timeline: '[]',
    timelineTotal: 3,
    checkpointCount: 4,
    interruptCount: 5,
    workUnits: 6.5,
    rowsIn: 7,
    rowsOut: 8,
    source: 'a',
    target: 'b',
    input: '{}',
    inputHash: 'h',
    output: '{}',
    costUsdMicros: 9,
    tokensIn: 10,
    tokensOut: 11,
    tokensCacheRead: 12,
    tokensCacheWrite: 13,
    workerId: 'w',
    attributes: '{}',
    flags: ['late', 'truncated'],
    sampleRate: 0.1,
  });
}

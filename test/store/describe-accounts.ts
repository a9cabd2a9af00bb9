import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import type { RecordLoss, RetentionPolicy } from '../../src/store/record-store.ts';
import { broughtIn, KEPT_IN_FILE, singleLoss } from '../../src/store/single-loss.ts';
import {
  instance,
  runRecord,
  stepRecord,
  TEST_EPOCH_MS,
  TEST_INSTANCE_ID,
} from '../support/execution-records.ts';
import type { OpenStore, StoreUnderTest } from './describe-record-store.ts';

const DAY_MS = 86_400_000;
const KEEP: RetentionPolicy = { maxAgeMs: 7 * DAY_MS, failedMaxAgeMs: 90 * DAY_MS, maxBytes: 2 ** 40 };

/** What a store knows of who writes to it, and that it can prove what it lacks. */
export function describeAccounts(open: OpenStore): void {
  describe('the accounts', () => {
    let now = TEST_EPOCH_MS;
    let subject: StoreUnderTest;

    beforeEach(async () => {
      now = TEST_EPOCH_MS + DAY_MS;
      subject = await open({ now: () => now });
      await subject.store.init();
    });
    afterEach(() => subject.dispose());

    const balance = async () => (await subject.balances())[0];

    it('keep a report beside the records, and without any', async () => {
      await subject.store.write([stepRecord({ seq: 1 })], {
        instances: [instance({ lastSeq: 3 })],
        losses: [],
      });
      expect(await balance()).toMatchObject({
        instance_id: TEST_INSTANCE_ID,
        last_seq: 3,
        stored_records: 1,
        missing: 2,
      });
      await subject.store.write([], {
        instances: [instance({ lastSeq: 4 })],
        losses: [loss({ firstSeq: 3 })],
      });
      expect(await balance()).toMatchObject({ last_seq: 4, stored_records: 1, lost: 2, missing: 1 });
    });

    it('keep the higher numbers, the later times and an end once it is known', async () => {
      const told = [
        instance({ lastSeq: 7, sampledOut: 3, heartbeatAt: TEST_EPOCH_MS + 20 }),
        instance({ lastSeq: 9, sampledOut: 2, heartbeatAt: TEST_EPOCH_MS + 10, endedAt: TEST_EPOCH_MS + 30 }),
        instance({ lastSeq: 8, sampledOut: 1, heartbeatAt: TEST_EPOCH_MS + 5 }),
      ];
      for (const one of told) await subject.store.write([], { instances: [one], losses: [] });
      expect(await subject.balances()).toEqual([
        expect.objectContaining({
          service_name: 'orders',
          durability: 'process',
          last_seq: 9,
          sampled_out: 3,
          heartbeat_at: TEST_EPOCH_MS + 20,
          ended_at: TEST_EPOCH_MS + 30,
        }),
      ]);
    });

    it('count a loss that is told twice once, and apart what had no number', async () => {
      const losses = [loss({ lossNo: 1 }), loss({ lossNo: 2, records: 5, firstSeq: 0, lastSeq: 0 })];
      for (const _ of [1, 2])
        await subject.store.write([], { instances: [instance({ lastSeq: 2 })], losses });
      expect(await balance()).toMatchObject({ lost: 2, lost_unnumbered: 5, missing: 0 });
    });

    it('let a guess of what a damaged file held give way to what is stored', async () => {
      const guess = loss({ reason: 'corrupt_frame', records: 3, firstSeq: 2, lastSeq: 4 });
      const known = loss({ lossNo: 2, records: 1, firstSeq: 5, lastSeq: 5 });
      const report = { instances: [instance({ lastSeq: 5 })], losses: [guess, known] };
      const [first, second] = [1, 2].map((seq) => stepRecord({ seq, recordId: `${seq}`.padStart(29, '0') }));
      await subject.store.write(
        [first, second].flatMap((record) => record ?? []),
        report,
      );
      expect(await balance()).toMatchObject({ stored_records: 2, lost: 3, missing: 0 });
      await subject.store.write([], { instances: [instance({ lastSeq: 9 })], losses: [] });
      expect(await balance()).toMatchObject({ stored_records: 2, lost: 4, missing: 3 });
    });

    it('count what is kept in a file as quarantined, until it is brought in or dropped, whatever is told late', async () => {
      const [first, second] = [stepRecord({ seq: 1 }), stepRecord({ seq: 2 })];
      const kept = [first, second].map((record) => singleLoss(record, KEPT_IN_FILE, 1));
      const tell = (losses: readonly RecordLoss[], records: readonly ExecutionRecord[] = []) =>
        subject.store.write(records, { instances: [instance({ lastSeq: 3 })], losses });
      await tell([...kept, ...kept]);
      expect(await balance()).toMatchObject({ quarantined: 2, lost: 0, missing: 1 });
      await tell([broughtIn(first, 2)], [first]);
      await tell([singleLoss(second, 'quarantine_dropped', 2)]);
      const settled = { stored_records: 1, quarantined: 0, lost: 1, missing: 1 };
      expect(await balance()).toMatchObject(settled);
      await tell(kept);
      await tell([broughtIn(second, 3)]);
      expect(await balance()).toMatchObject(settled);
    });

    it('count no record twice that is stored and in a file', async () => {
      const record = stepRecord({ seq: 1 });
      await subject.store.write([record], {
        instances: [instance({ lastSeq: 1 })],
        losses: [singleLoss(record, KEPT_IN_FILE, 1)],
      });
      expect(await balance()).toMatchObject({ stored_records: 1, quarantined: 0, lost: 0, missing: 0 });
    });

    it('believe rows beyond the last number that was told', async () => {
      const [first, second] = [3, 4].map((seq) => stepRecord({ seq, recordId: `${seq}`.padStart(29, '0') }));
      const report = { instances: [instance({ lastSeq: 2 })], losses: [] };
      await subject.store.write(
        [first, second].flatMap((record) => record ?? []),
        report,
      );
      expect(await balance()).toMatchObject({ last_seq: 4, stored_records: 2, missing: 2 });
    });

    it('keep nothing of a report whose records are refused', async () => {
      const bad = stepRecord({ name: undefined as never });
      const refused = subject.store.write([bad], { instances: [instance({})], losses: [loss({})] });
      await expect(refused).rejects.toThrow(/name/);
      expect(await subject.balances()).toEqual([]);
    });

    it('add up after quarantine, a record that was stored after all, and retention', async () => {
      const old = TEST_EPOCH_MS - 10 * DAY_MS;
      const root = runRecord({ startedAt: old, seq: 2 });
      const run = [root, stepRecord({ startedAt: old, seq: 1, runId: root.runId })];
      const running = stepRecord({ seq: 0, state: 'running', rev: 0 });
      const young = stepRecord({ startedAt: TEST_EPOCH_MS, seq: 3 });
      await subject.store.write([...run, young, running], {
        instances: [instance({ lastSeq: 6, heartbeatAt: TEST_EPOCH_MS })],
        losses: [],
      });
      const later = stepRecord({ startedAt: TEST_EPOCH_MS, seq: 5 });
      await subject.store.quarantine([
        { record: stepRecord({ name: undefined as never, seq: 4 }), reason: 'x' },
        { record: later, reason: 'x' },
      ]);
      expect(await balance()).toMatchObject({ stored_records: 3, quarantined: 2, pruned: 0, missing: 1 });
      await subject.store.write([later]);
      expect(await balance()).toMatchObject({ stored_records: 4, quarantined: 1, pruned: 0, missing: 1 });
      await subject.store.prune(KEEP);
      expect(await balance()).toMatchObject({ stored_records: 2, quarantined: 1, pruned: 2, missing: 1 });
      await subject.store.prune({ ...KEEP, maxBytes: 0 });
      expect(await balance()).toMatchObject({ stored_records: 0, quarantined: 1, pruned: 4, missing: 1 });
    });

    it('go with the oldest records', async () => {
      await subject.store.write([stepRecord()], { instances: [instance({})], losses: [loss({})] });
      now = TEST_EPOCH_MS + 89 * DAY_MS;
      await subject.store.prune(KEEP);
      expect(await subject.balances()).toHaveLength(1);
      now = TEST_EPOCH_MS + 91 * DAY_MS;
      await subject.store.prune(KEEP);
      expect(await subject.balances()).toEqual([]);
    });
  });
}

/** Two records that are lost for good. */
function loss(overrides: Partial<RecordLoss>): RecordLoss {
  return {
    instanceId: TEST_INSTANCE_ID,
    lossNo: 1,
    reason: 'queue_full',
    records: 2,
    firstSeq: 1,
    lastSeq: 4,
    at: TEST_EPOCH_MS,
    ...overrides,
  };
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import type { LedgerInstance } from '../../src/store/record-store.ts';
import {
  processRecord,
  runRecord,
  stepRecord,
  TEST_EPOCH_MS,
  TEST_WRITER,
} from '../support/execution-records.ts';
import type { OpenStore, StoreUnderTest } from './describe-record-store.ts';

const DEAD = 'dead';
const ALIVE = 'alive';
const HEARTBEAT_AT = TEST_EPOCH_MS + 60_000;

/** What becomes of executions whose process died. */
export function describeInterrupt(open: OpenStore): void {
  describe('interrupt', () => {
    let subject: StoreUnderTest;
    beforeEach(async () => {
      subject = await open({ now: () => TEST_EPOCH_MS });
      await subject.store.init();
    });
    afterEach(() => subject.dispose());

    const interrupt = (ids: readonly string[], silentBefore = 0) =>
      subject.store.interrupt?.(ids, silentBefore);
    const write = (records: readonly ExecutionRecord[]) =>
      subject.store.write(records, { instances: [instance(DEAD), instance(ALIVE)], losses: [] });
    const rowOf = async ({ recordId }: ExecutionRecord) =>
      (await subject.rows()).find((row) => row.record_id === recordId);

    it('ends what ran where its process was last known to live, and names what ran in it', async () => {
      const startedAt = TEST_EPOCH_MS;
      const root = running(runRecord({ startedAt, name: 'nightly' }));
      const child = running(
        processRecord({ startedAt, name: 'extract', runId: root.runId, parentRecordId: root.recordId }),
      );
      const steps = ['b', 'c'].map((name, index) =>
        running(
          stepRecord({
            startedAt: startedAt + index,
            name,
            runId: root.runId,
            parentRecordId: child.recordId,
          }),
        ),
      );
      await write([root, child, ...steps]);
      expect(await interrupt([DEAD])).toBe(4);
      const first = steps[0]?.recordId;
      const listed = steps.map(({ name, recordId }) => ({ name, record_id: recordId }));
      const ended = {
        state: 'ended',
        outcome: 'error',
        error_type: 'interrupted',
        ended_at: HEARTBEAT_AT,
        rev: 0,
        seq: 0,
      };
      expect(await rowOf(root)).toMatchObject({
        ...ended,
        duration_ms: 60_000,
        failed_step: 'b',
        failed_record_id: first,
        failed_count: 1,
        error_message: expect.stringContaining('process 4242 on host-1'),
      });
      const extract = await rowOf(child);
      expect(extract).toMatchObject({ ...ended, failed_step: 'b', failed_record_id: first, failed_count: 2 });
      expect(JSON.parse(extract?.failed_steps ?? '')).toEqual(listed);
      for (const step of steps)
        expect(await rowOf(step)).toMatchObject({ ...ended, failed_step: null, failed_count: null });
    });

    it('leaves alone what others run, what is suspended and what has ended', async () => {
      const own = running(runRecord());
      const others = running(runRecord({ instanceId: ALIVE }));
      const { endedAt: _, outcome: __, ...open } = runRecord({ instanceId: DEAD });
      const suspended: ExecutionRecord = { ...open, state: 'suspended', seq: 0 };
      const ended = runRecord({ instanceId: DEAD });
      await write([own, others, suspended, ended]);
      const before = (await subject.rows()).filter((row) => row.record_id !== own.recordId);
      expect(await interrupt([DEAD])).toBe(1);
      expect((await subject.rows()).filter((row) => row.record_id !== own.recordId)).toEqual(before);
      expect(await interrupt([DEAD])).toBe(0);
    });

    it('takes who has been silent for too long as dead', async () => {
      await write([running(runRecord())]);
      expect(await interrupt([], HEARTBEAT_AT)).toBe(0);
      expect(await interrupt([], HEARTBEAT_AT + 1)).toBe(1);
    });

    it('gives way to an end that turns up after all', async () => {
      const open = running(runRecord());
      await write([open]);
      await interrupt([DEAD]);
      await write([open]);
      expect(await rowOf(open)).toMatchObject({ state: 'ended', outcome: 'error' });
      const end: ExecutionRecord = {
        ...open,
        rev: 2,
        seq: 1,
        state: 'ended',
        outcome: 'success',
        endedAt: HEARTBEAT_AT,
      };
      await write([end]);
      expect(await rowOf(open)).toMatchObject({ outcome: 'success', error_type: null, rev: 2 });
    });

    it('is survived by executions that belong to each other in a circle', async () => {
      const one = running(stepRecord({ recordId: 'a', parentRecordId: 'b', runId: 'r' }));
      const other = running(stepRecord({ recordId: 'b', parentRecordId: 'a', runId: 'r' }));
      const own = running(stepRecord({ recordId: 'c', parentRecordId: 'c', runId: 'r' }));
      await write([one, other, own]);
      expect(await interrupt([DEAD])).toBe(3);
    });

    it('reaches the parent in another process', async () => {
      const parent = runRecord({ instanceId: ALIVE, outcome: 'failure' });
      const child = running(
        stepRecord({ runId: parent.runId, parentRecordId: parent.recordId, flags: ['remote_parent'] }),
      );
      await write([parent, child]);
      await interrupt([DEAD]);
      expect(await rowOf(parent)).toMatchObject({ failed_step: 'load', failed_record_id: child.recordId });
    });
  });
}

/** The row that says that an execution runs. */
function running(record: ExecutionRecord): ExecutionRecord {
  const { endedAt: _e, durationMs: _d, outcome: _o, ...rest } = record;
  const instanceId = rest.instanceId === ALIVE ? ALIVE : DEAD;
  return { ...rest, state: 'running', rev: 0, seq: 0, instanceId };
}

function instance(instanceId: string): LedgerInstance {
  const { serviceName, host, pid } = TEST_WRITER;
  return {
    ...{ instanceId, serviceName, host, pid, durability: 'process', lastSeq: 0, sampledOut: 0 },
    startedAt: TEST_EPOCH_MS,
    heartbeatAt: HEARTBEAT_AT,
  };
}

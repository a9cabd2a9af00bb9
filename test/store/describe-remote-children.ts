import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { failure, runRecord, stepRecord, TEST_EPOCH_MS } from '../support/execution-records.ts';
import type { OpenStore, StoreUnderTest } from './describe-record-store.ts';

/** How failures reach a parent that another process writes. */
export function describeRemoteChildren(open: OpenStore): void {
  describe('children in other processes', () => {
    let subject: StoreUnderTest;
    beforeEach(async () => {
      subject = await open({ now: () => TEST_EPOCH_MS });
      await subject.store.init();
    });
    afterEach(() => subject.dispose());

    const rowOf = async ({ recordId }: ExecutionRecord) =>
      (await subject.rows()).find((row) => row.record_id === recordId);

    /** Writes records one by one, in both orders, each in a run of its own, and gives the parent's row of each. */
    async function inEitherOrder(make: () => readonly [ExecutionRecord, ...ExecutionRecord[]]) {
      const rows = [];
      for (const order of ['parent first', 'parent last'] as const) {
        const [parent, ...children] = make();
        const records = order === 'parent first' ? [parent, ...children] : [...children, parent];
        for (const record of records) await subject.store.write([record]);
        // Sent again: a write whose outcome was unknown.
        for (const record of records) await subject.store.write([record]);
        rows.push({ order, row: await rowOf(parent), children });
      }
      return rows;
    }

    it('are counted by a parent that did not fail', async () => {
      const made = await inEitherOrder(() => {
        const parent = runRecord({ recoveredFailures: 1 });
        return [parent, remoteChild(parent, failure()), remoteChild(parent, failure()), remoteChild(parent)];
      });
      for (const { row } of made) {
        expect(row).toMatchObject({
          remote_failures: 2,
          recovered_failures: 1,
          outcome: 'success',
          failed_step: null,
        });
      }
    });

    it.each([
      ['repeats its error', 'disk is full', 'disk is full'],
      ['quotes its message', 'disk is full', 'job 7 failed: disk is full, giving up'],
      ['has no message of its own', 'disk is full', undefined],
    ])('are the cause where the parent failed and %s', async (_, message, own) => {
      const made = await inEitherOrder(() => {
        const parent = runRecord(own === undefined ? { outcome: 'failure' } : failure(own));
        const first = remoteChild(parent, { ...failure(message), name: 'first' });
        return [
          parent,
          remoteChild(parent, { ...failure(message), name: 'second' }),
          first,
          remoteChild(parent, failure('other')),
        ].map((record, index) =>
          index === 1 ? { ...record, endedAt: record.startedAt + 1_000 } : record,
        ) as [ExecutionRecord, ...ExecutionRecord[]];
      });
      for (const { row, children } of made) {
        const count = own === undefined ? 3 : 2;
        expect(row).toMatchObject({
          failed_step: 'first',
          failed_record_id: children[1]?.recordId,
          failed_count: count,
          remote_failures: 3 - count,
          error_fingerprint: children[1]?.errorFingerprint,
        });
        const listed: { name: string }[] = JSON.parse(row?.failed_steps ?? '[]');
        expect(listed.map(({ name }) => name)).toEqual(
          own === undefined ? ['first', 'load', 'second'] : ['first', 'second'],
        );
      }
    });

    it('are no cause where their error is another one', async () => {
      const made = await inEitherOrder(() => {
        const parent = runRecord(failure('out of memory'));
        return [parent, remoteChild(parent, failure('disk is full'))];
      });
      for (const { row } of made) {
        expect(row).toMatchObject({
          failed_step: null,
          failed_record_id: null,
          remote_failures: 1,
          error_message: 'out of memory',
        });
      }
    });

    it('are no cause where a later attempt made them good', async () => {
      const made = await inEitherOrder(() => {
        const parent = runRecord({ outcome: 'failure' });
        const good = { name: 'again', outcome: 'success', attempt: 2 } as const;
        const bad = remoteChild(parent, { ...failure(), name: 'bad' });
        return [parent, remoteChild(parent, { ...failure(), name: 'again' }), remoteChild(parent, good), bad];
      });
      for (const { row } of made)
        expect(row).toMatchObject({ failed_step: 'bad', failed_count: 1, remote_failures: 1 });
    });

    it('do not push aside what failed in the process of the parent', async () => {
      const made = await inEitherOrder(() => {
        const parent = runRecord({
          ...failure('disk is full'),
          failedStep: 'own',
          failedRecordId: 'own',
          failedCount: 1,
        });
        return [parent, remoteChild(parent, failure('disk is full'))];
      });
      for (const { row } of made)
        expect(row).toMatchObject({ failed_step: 'own', failed_count: 1, remote_failures: 1 });
    });

    it('are found at the end of a chain of processes, in whichever order its rows come', async () => {
      for (const order of permutations([0, 1, 2, 3])) {
        const root = runRecord({ ...failure('job failed: disk is full') });
        const step = stepRecord({
          ...failure('job failed: disk is full'),
          runId: root.runId,
          parentRecordId: root.recordId,
          name: 'send',
        });
        const rootRow: ExecutionRecord = {
          ...root,
          failedStep: step.name,
          failedRecordId: step.recordId,
          failedCount: 1,
          failedSteps: JSON.stringify([{ name: step.name, record_id: step.recordId }]),
        };
        const worker = remoteChild(step, { ...failure('disk is full'), kind: 'process', name: 'worker' });
        const writer = remoteChild(worker, { ...failure('disk is full'), name: 'writer' });
        const records = [rootRow, step, worker, writer];
        for (const index of order) await subject.store.write(records.slice(index, index + 1));
        const cause = { failed_step: 'writer', failed_record_id: writer.recordId };
        for (const record of [rootRow, step, worker])
          expect([order, await rowOf(record)]).toEqual([order, expect.objectContaining(cause)]);
        const [listed] = JSON.parse((await rowOf(rootRow))?.failed_steps ?? '[]');
        expect(listed).toEqual({ name: 'writer', record_id: writer.recordId });
        expect(await rowOf(writer)).toMatchObject({ failed_step: null });
      }
    });

    it('stay linked when the parent is written with a higher revision, and are let go when they have not failed', async () => {
      const parent = runRecord({ outcome: 'failure', rev: 1 });
      const child = remoteChild(parent, { ...failure(), rev: 1 });
      await subject.store.write([parent, child]);
      await subject.store.write([{ ...parent, rev: 4 }]);
      expect(await rowOf(parent)).toMatchObject({
        failed_step: 'load',
        failed_record_id: child.recordId,
        rev: 4,
      });
      const { errorMessage: _m, errorFingerprint: _f, ...rest } = child;
      await subject.store.write([{ ...rest, rev: 2, outcome: 'success' }]);
      // A success of a first attempt says nothing to the parent, so it is looked at with the next that does.
      await subject.store.write([parent]);
      expect(await rowOf(parent)).toMatchObject({
        failed_step: null,
        failed_record_id: null,
        failed_count: null,
        remote_failures: 0,
      });
    });

    it('are linked when both are written at the same time', async () => {
      const parents = Array.from({ length: 20 }, () => runRecord({ outcome: 'failure' }));
      const children = parents.map((parent) => remoteChild(parent, failure()));
      await Promise.all([...parents, ...children].map((record) => subject.store.write([record])));
      for (const [index, parent] of parents.entries()) {
        expect(await rowOf(parent)).toMatchObject({ failed_record_id: children[index]?.recordId });
      }
    });

    it('matter only where the parent is in another process', async () => {
      const parent = runRecord();
      await subject.store.write([parent, { ...remoteChild(parent, failure()), flags: ['late'] }]);
      expect(await rowOf(parent)).toMatchObject({ remote_failures: 0 });
    });
  });
}

function remoteChild(parent: ExecutionRecord, overrides: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return stepRecord({
    runId: parent.runId,
    parentRecordId: parent.recordId,
    flags: ['remote_parent'],
    ...overrides,
  });
}

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

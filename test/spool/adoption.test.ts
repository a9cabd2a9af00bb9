import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failure, runRecord, stepRecord, TEST_WRITER } from '../support/execution-records.ts';
import { drain, EVERYTHING, namesOf } from './describe-record-queue.ts';
import { createSpoolFolder, type SpoolFolder, untilGone } from './spool-folder.ts';

let folder: SpoolFolder;

beforeEach(() => {
  folder = createSpoolFolder();
});

afterEach(() => folder.remove());

describe('what a dead instance left', () => {
  it('is delivered by the next one as it was appended, with what had started', async () => {
    const { queue: dead, instanceId } = folder.open({ startedAt: 1_000 });
    const running = runRecord({ name: 'run', seq: 0, rev: 0, state: 'running', instanceId });
    const records = [
      stepRecord({ seq: 1, name: 'ok', instanceId }),
      stepRecord({ seq: 2, name: 'failed', instanceId, ...failure() }),
      stepRecord({ seq: 3, name: 'elsewhere', instanceId, writer: { ...TEST_WRITER, pid: 7 } }),
    ];
    dead.appendStart(running);
    for (const record of records) dead.append(record);
    expect(dead.close()).toEqual({ left: 3, dropped: 0 });

    const { queue } = folder.open();
    const [adopted, ...others] = await queue.adopt();
    expect(others).toEqual([]);
    expect(adopted).toMatchObject({
      records: 3,
      losses: [],
      instance: { instanceId, startedAt: 1_000, durability: 'process', lastSeq: 3, ...TEST_WRITER },
    });
    expect(queue.stats()).toMatchObject({ records: 0, spooled: 3, oldestSeq: undefined });
    expect(queue.waiting).toBe(4);
    expect(queue.settledInstances()).toEqual([]);

    const batch = queue.take(EVERYTHING);
    const [ok, failed, elsewhere] = records;
    expect(batch?.records).toEqual([running, failed, ok, elsewhere]);
    expect(batch === undefined ? 0 : queue.settle(batch)).toBe(3);
    expect(queue.settledInstances()).toEqual([adopted]);
  });

  it('is removed when it is forgotten, and not before', async () => {
    const { queue: dead, instanceId, path } = folder.open();
    dead.append(stepRecord());
    dead.close();
    const { queue } = folder.open();
    await queue.adopt();
    drain(queue);
    const [adopted] = queue.settledInstances();
    expect(folder.names(instanceId)).toContain('S-000001.seg');
    expect(adopted?.instance.instanceId).toBe(instanceId);
    if (adopted !== undefined) queue.forget(adopted);
    await untilGone(path);
    expect(queue.settledInstances()).toEqual([]);
    expect(folder.names()).toEqual([]);
    expect(await queue.adopt()).toEqual([]);
  });

  it('is found again when its adopter ends before all is settled', async () => {
    const { queue: dead } = folder.open();
    for (const name of ['a', 'b', 'c']) dead.append(stepRecord({ name }));
    dead.close();
    const { queue: adopter } = folder.open();
    await adopter.adopt();
    const batch = adopter.take({ records: 2, bytes: 1e9 });
    if (batch !== undefined) adopter.settle(batch, [0]);
    expect(adopter.close()).toEqual({ left: 2, dropped: 0 });
    const { queue } = folder.open();
    await queue.adopt();
    expect(namesOf(queue.take(EVERYTHING))).toEqual(['a', 'b', 'c']);
  });

  it('is left alone while its owner lives', async () => {
    const { queue: living } = folder.open();
    living.append(stepRecord({ name: 'mine' }));
    const { queue } = folder.open();
    expect(await queue.adopt()).toEqual([]);
    expect(await living.adopt()).toEqual([]);
    expect(drain(living)).toEqual(['mine']);
  });
});

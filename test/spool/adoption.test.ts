import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FrameEncoder, visitFrames } from '../../src/spool/frame.ts';
import { listOrphans } from '../../src/spool/orphans.ts';
import type { SpoolOptions } from '../../src/spool/spool-options.ts';
import { failure, runRecord, stepRecord, TEST_WRITER } from '../support/execution-records.ts';
import { drain, drainRecords, EVERYTHING, namesOf } from './describe-record-queue.ts';
import { createSpoolFolder, type SpoolFolder, type TestedSpool, untilGone } from './spool-folder.ts';

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
    expect(batch?.records).toEqual([failed, running, ok, elsewhere]);
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
    await untilGone(join(path, 'S-000001.seg'));
    expect(folder.names(instanceId)).toEqual(['instance', 'owner.lock']);
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

  it('is not delivered again where a whole file of it was stored before its adopter ended', async () => {
    const { path, instanceId } = deadInstance();
    const files = folder.names(instanceId).filter((name) => name.startsWith('S-'));
    expect(files.length).toBeGreaterThan(3);
    const { queue: adopter } = folder.open();
    await adopter.adopt();
    const batch = adopter.take({ records: 7, bytes: 1e9 });
    if (batch !== undefined) adopter.settle(batch);
    const stored = namesOf(batch);
    expect(stored).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    await untilGone(join(path, files[0] ?? ''));
    adopter.close();

    const { queue } = folder.open();
    const [adopted] = await queue.adopt();
    expect(adopted).toMatchObject({
      instance: { instanceId, lastSeq: 24 },
      losses: [{ lossNo: 3, reason: 'queue_full', records: 2 }],
    });
    const left = drain(queue);
    expect(left.length).toBeLessThan(20);
    expect([...new Set([...stored, ...left])]).toEqual(Array.from({ length: 20 }, (_, at) => String(at + 1)));
    await untilGone(join(path, files.at(-1) ?? ''));
    expect(queue.settledInstances()).toEqual([adopted]);
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

/** A dead instance with twenty steps in segments of four or five, and a loss; its directory and its seqs. */
function deadInstance(options: Partial<SpoolOptions> = {}): TestedSpool {
  const dead = folder.open({ segmentBytes: 1_500, ...options });
  for (let seq = 1; seq <= 20; seq++) dead.queue.append(stepRecord({ seq, name: String(seq) }));
  const loss = { instanceId: dead.instanceId, reason: 'queue_full', firstSeq: 21, lastSeq: 24, at: 5 };
  dead.queue.appendLoss({ ...loss, lossNo: 3, records: 2 });
  dead.queue.close();
  return dead;
}

/** Turns a bit of a file. */
function damage(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}

/** The bytes of a segment, each frame of which is of a version to come. */
function newerFrames(bytes: Buffer): Buffer {
  const newer = Buffer.from(bytes);
  visitFrames(bytes, true, { frame: (_kind, _seq, from) => newer.fill(2, from + 2, from + 3), damaged() {} });
  return newer;
}

/** The bytes of a segment with a header of a schema to come. */
function newerSchema(bytes: Buffer): Buffer {
  const encoder = new FrameEncoder();
  const body = JSON.stringify({ schema: 99, instanceId: 'x', writer: TEST_WRITER });
  const length = encoder.encode('header', 0, body);
  return Buffer.concat([encoder.bytes.subarray(0, length), bytes]);
}

const numbers = (to: number): string[] => Array.from({ length: to }, (_, at) => String(at + 1));

describe('damage', () => {
  it('costs the records it hit, which are counted, and no others', async () => {
    const { path, instanceId } = deadInstance();
    const found = readFileSync(join(path, 'S-000002.seg')).indexOf('"name":"7"');
    expect(found).toBeGreaterThan(0);
    damage(join(path, 'S-000002.seg'), found);
    const { queue } = folder.open();
    const [adopted] = await queue.adopt();
    expect(adopted).toMatchObject({ records: 19, instance: { lastSeq: 24 } });
    expect(adopted?.losses).toEqual([
      { instanceId, lossNo: 3, reason: 'queue_full', records: 2, firstSeq: 21, lastSeq: 24, at: 5 },
      expect.objectContaining({
        instanceId,
        lossNo: 4,
        reason: 'corrupt_frame',
        records: 1,
        firstSeq: 7,
        lastSeq: 7,
      }),
    ]);
    expect(drain(queue)).toEqual(numbers(20).filter((name) => name !== '7'));
  });

  it('of a header costs nothing', async () => {
    const { path, instanceId } = deadInstance();
    for (const name of folder.names(instanceId)) if (name !== 'owner.lock') damage(join(path, name), 30);
    const { queue } = folder.open();
    const [adopted] = await queue.adopt();
    expect(adopted).toMatchObject({ records: 20, instance: { instanceId, serviceName: 'unknown_service' } });
    expect(drainRecords(queue).map((record) => record.instanceId)).toEqual(numbers(20).map(() => instanceId));
  });

  it('of a version costs no more than the frame', async () => {
    const { path } = deadInstance();
    for (const name of ['S-000001.seg', 'instance']) damage(join(path, name), 2);
    const { queue } = folder.open();
    const [adopted] = await queue.adopt();
    expect(adopted).toMatchObject({ records: 20, instance: TEST_WRITER });
  });

  it('of all headers but one costs nothing at all', async () => {
    const { path } = deadInstance();
    for (const name of ['S-000001.seg', 'S-000002.seg', 'instance']) damage(join(path, name), 30);
    const { queue } = folder.open();
    const [adopted] = await queue.adopt();
    expect(adopted).toMatchObject({ records: 20, instance: TEST_WRITER });
    expect(drainRecords(queue).map(({ writer }) => writer)).toEqual(numbers(20).map(() => TEST_WRITER));
  });

  it('in the form of a file that is no segment does no harm', async () => {
    const { path } = deadInstance();
    writeFileSync(join(path, 'S-000099.seg'), randomBytes(300_000));
    writeFileSync(join(path, 'F-000098.seg'), '');
    writeFileSync(join(path, 'notes.txt'), 'mine');
    symlinkSync('/etc/passwd', join(path, 'S-000100.seg'));
    mkdirSync(join(folder.path, 'other'));
    writeFileSync(join(folder.path, 'readme'), '');
    const { queue } = folder.open();
    const [adopted] = await queue.adopt();
    expect(adopted?.records).toBe(20);
    expect(drain(queue)).toEqual(numbers(20));
  });
});

describe('a large orphan', () => {
  it('takes little memory, and the event loop is not held up', async () => {
    const { queue: dead } = folder.open({ maxQueueSize: 1 });
    const attributes = 'x'.repeat(8_000);
    for (let seq = 1; seq <= 5_000; seq++) dead.append(stepRecord({ seq, attributes }));
    dead.close();
    const { queue } = folder.open({ maxQueueSize: 100 });
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    count();
    const [adopted] = await queue.adopt();
    isDone = true;
    expect(adopted?.records).toBe(5_000);
    // Forty megabytes in pieces of 128 KB.
    expect(turns).toBeGreaterThan(300);
    let most = 0;
    let taken = 0;
    for (let batch = queue.take({ records: 50, bytes: 1e9 }); batch !== undefined; ) {
      most = Math.max(most, queue.stats().bytes);
      taken += queue.settle(batch);
      batch = queue.take({ records: 50, bytes: 1e9 });
    }
    expect(taken).toBe(5_000);
    expect(most).toBeLessThan(2_000_000);
  });

  it('gives way to the bound of the spool, oldest ok steps first, and what it lost is told, even after another crash', async () => {
    const { queue: dead, instanceId } = folder.open({ maxQueueSize: 1 });
    for (let seq = 1; seq <= 300; seq++) dead.append(stepRecord({ seq, attributes: 'x'.repeat(1_000) }));
    dead.close();
    const adopter = folder.open({ maxSpoolBytes: 200_000, maxQueueSize: 1 });
    await adopter.queue.adopt();
    for (let seq = 1; seq <= 20; seq++) adopter.queue.append(stepRecord({ seq, name: 'own' }));
    // None of its own numbers is among them.
    expect(new Set(adopter.dropped.map(({ firstSeq }) => firstSeq))).toEqual(new Set([0]));
    const told = adopter.dropped.reduce((sum, { records }) => sum + records, 0);
    adopter.queue.close();

    const { queue } = folder.open();
    const found = await queue.adopt();
    const adopted = found.find(({ instance }) => instance.instanceId === instanceId);
    const lost = adopted?.losses.reduce((sum, { records }) => sum + records, 0) ?? 0;
    expect(adopted?.losses).toEqual([
      expect.objectContaining({ instanceId, lossNo: 1, reason: 'spool_full' }),
    ]);
    expect(lost).toBeGreaterThan(0);
    expect(told).toBe(lost);
    expect((adopted?.records ?? 0) + lost).toBe(300);
    expect(adopted?.instance.lastSeq).toBe(300);
    expect(found.reduce((sum, { records }) => sum + records, lost)).toBe(320);
  });
});

describe('what a newer version wrote', () => {
  it.each([
    ['frames', newerFrames],
    ['records', newerSchema],
  ])('is left for it, where the %s are not ours to read', async (_, change) => {
    const { path, instanceId } = deadInstance();
    const file = join(path, 'S-000003.seg');
    writeFileSync(file, change(readFileSync(file)));
    const before = folder.names(instanceId);
    const { queue } = folder.open();
    expect(await queue.adopt()).toEqual([]);
    expect(folder.names(instanceId)).toEqual(before);
    expect(await listOrphans(folder.path)).toEqual([]);
  });
});

describe('an empty directory', () => {
  it('is removed, once it is certain that nobody is about to lock it', async () => {
    const [young, old] = [join(folder.path, 'young'), join(folder.path, 'old')];
    for (const path of [young, old]) mkdirSync(path);
    utimesSync(old, 1_000, 1_000);
    const { queue } = folder.open();
    expect(await queue.adopt()).toEqual([]);
    expect(folder.names()).toEqual(['young']);
  });
});

describe('a directory whose removal was cut short', () => {
  it('is adopted for what is left in it', async () => {
    const { path } = deadInstance();
    rmSync(join(path, 'owner.lock'));
    const { queue } = folder.open();
    expect(await queue.adopt()).toEqual([]);
    utimesSync(path, 1_000, 1_000);
    expect(await queue.adopt()).toMatchObject([{ records: 20 }]);
  });
});

describe('orphans', () => {
  it('can be looked at without being touched', async () => {
    const { queue: living } = folder.open();
    living.append(stepRecord());
    const { path, instanceId } = deadInstance();
    damage(join(path, 'S-000001.seg'), 800);
    const [orphan, ...others] = await listOrphans(folder.path);
    expect(others).toEqual([]);
    expect(orphan).toMatchObject({ records: 19, started: 0, instance: { instanceId, lastSeq: 24 } });
    expect(orphan?.damagedBytes).toBeGreaterThan(200);
    expect(orphan?.bytes).toBeGreaterThan(5_000);
    expect(await listOrphans(folder.path)).toEqual([
      { ...orphan, losses: orphan?.losses.map((loss) => ({ ...loss, at: expect.any(Number) })) },
    ]);
    const { queue } = folder.open();
    expect(await queue.adopt()).toHaveLength(1);
    expect(await listOrphans(folder.path)).toEqual([]);
    expect(await listOrphans(join(folder.path, 'nowhere'))).toEqual([]);
  });
});

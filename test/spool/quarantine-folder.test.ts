import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { QuarantineFolder } from '../../src/spool/quarantine-folder.ts';
import { stepRecord } from '../support/execution-records.ts';
import { createSpoolFolder, type SpoolFolder } from './spool-folder.ts';

let spool: SpoolFolder;
let folder: QuarantineFolder;
beforeEach(() => {
  spool = createSpoolFolder();
  folder = new QuarantineFolder(spool.path);
});
afterEach(() => spool.remove());

const refused = () => ({ record: stepRecord({ name: 'poison' }), reason: '22021' });

describe('the quarantine in files', () => {
  it('gives back what it keeps, once, however often that comes', async () => {
    const one = refused();
    expect(folder.isEmpty).toBe(true);
    for (const _ of [1, 2]) expect(await folder.keep([one])).toEqual([one]);
    const [file, ...others] = await folder.list();
    expect(others).toEqual([]);
    const { record } = one;
    expect(file).toMatchObject({ instanceId: record.instanceId, seq: record.seq, recordId: record.recordId });
    expect(await file?.read()).toEqual({ ...one, at: expect.any(Number) });
    await file?.remove();
    expect(folder.isEmpty).toBe(true);
    expect(await file?.read()).toBeUndefined();
  });

  it('gives back no record that is not the one it was given, whichever bit of its file turns', async () => {
    const one = refused();
    await folder.keep([one]);
    const [file] = await folder.list();
    const path = file?.path ?? '';
    const bytes = readFileSync(path);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, damaged);
      expect(await file?.read()).toBeUndefined();
    }
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(await file?.read()).toBeUndefined();
    }
  });

  it('makes no file by a name that is none of ours', async () => {
    const record = stepRecord({ recordId: '../../../outside' });
    expect(await folder.keep([{ record, reason: 'x' }])).toEqual([]);
    expect(existsSync(folder.path) ? readdirSync(folder.path) : []).toEqual([]);
  });

  it('is for one at a time', async () => {
    await folder.keep([refused()]);
    let isOtherLetIn: boolean | undefined;
    const isDone = await folder.alone(async (files) => {
      expect(files).toHaveLength(1);
      isOtherLetIn = await new QuarantineFolder(spool.path).alone(async () => undefined);
    });
    expect({ isDone, isOtherLetIn }).toEqual({ isDone: true, isOtherLetIn: false });
    expect(await folder.alone(async () => undefined)).toBe(true);
  });

  it('clears away what a process that died has left half written, and nothing younger', async () => {
    await folder.keep([refused()]);
    const [old, young] = ['old.tmp', 'young.tmp'].map((name) => join(folder.path, name));
    for (const path of [old, young]) writeFileSync(path ?? '', 'half');
    utimesSync(old ?? '', 0, 0);
    await folder.alone(async () => undefined);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.tmp'))).toEqual(['young.tmp']);
  });

  it('is no instance that died', async () => {
    await folder.keep([refused()]);
    await folder.alone(async () => undefined);
    expect(await spool.open().queue.adopt()).toEqual([]);
    expect(await folder.list()).toHaveLength(1);
  });
});

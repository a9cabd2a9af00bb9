import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Refusal } from '../export/quarantine-files.ts';
import { FRAME_HEADER_BYTES, FrameEncoder, MAX_BODY_BYTES, visitFrames } from './frame.ts';
import { refusalFromBody } from './frame-body.ts';

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/** A refused record as the one frame of a file; undefined where it is too long to be kept. */
export function refusalFrame(refusal: Refusal): Uint8Array | undefined {
  const encoder = new FrameEncoder(4_096);
  const length = encoder.encode('refusal', refusal.record.seq, JSON.stringify(refusal));
  return length === 0 ? undefined : encoder.bytes.subarray(0, length);
}

/** Makes a file that is on disk when it resolves: what it takes from the spool may have been promised to survive a power cut. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What a file holds; undefined where it is damaged or gone. Never rejects. */
export async function readRefusal(path: string): Promise<Refusal | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW);
    const { size } = await file.stat();
    return size > FRAME_HEADER_BYTES + MAX_BODY_BYTES ? undefined : refusalIn(await file.readFile());
  } catch {
    return undefined;
  } finally {
    await file?.close().catch(() => undefined);
  }
}

function refusalIn(bytes: Buffer): Refusal | undefined {
  let refusal: Refusal | undefined;
  visitFrames(bytes, true, {
    frame(kind, _, from, to) {
      if (kind !== 'refusal') return;
      refusal = refusalFromBody(bytes.toString('utf8', from + FRAME_HEADER_BYTES, to));
    },
    damaged: () => undefined,
  });
  return refusal;
}

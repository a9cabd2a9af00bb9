import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** Calls of `node:fs` that the spool could make and that can fail. */
export const FILE_CALLS = [
  'openSync',
  'writeSync',
  'writevSync',
  'ftruncateSync',
  'fdatasyncSync',
  'fsyncSync',
  'mkdirSync',
  'renameSync',
  'unlinkSync',
  'rmSync',
  'writeFileSync',
  'readSync',
  'readdirSync',
  'unlink',
  'open',
  'fdatasync',
  'utimes',
] as const;

export type FileCall = (typeof FILE_CALLS)[number];

/** What is to fail: the `nth` call of one kind below a folder, or all from that one on. `short`: half of it is written, but never nothing, which no disk does. */
export interface FileFault {
  readonly call: FileCall;
  readonly code: 'EIO' | 'ENOSPC' | 'EMFILE' | 'EROFS' | 'short';
  readonly nth: number;
  readonly isLasting: boolean;
}

type AnyCall = (...args: unknown[]) => unknown;

const files = new Set<number>();
let folder: string | undefined;
let fault: FileFault | undefined;
let calls = 0;
let struck = 0;

/** Arms a fault below a folder; returns how to disarm it, which tells how often it struck. */
export function failFiles(below: string, next: FileFault): () => number {
  folder = below;
  fault = next;
  calls = 0;
  struck = 0;
  return () => {
    fault = undefined;
    return struck;
  };
}

const calledOf = fs as unknown as Record<string, AnyCall>;
for (const name of FILE_CALLS) {
  const original = calledOf[name];
  if (original === undefined) continue;
  calledOf[name] = (...args) => {
    if (isOurs(args[0]) && isStruck(name)) return strike(name, original, args);
    const result = original(...args);
    if (name === 'openSync' && isOurs(args[0])) files.add(result as number);
    return result;
  };
}
const closeSync = calledOf.closeSync as AnyCall;
calledOf.closeSync = (...args) => {
  files.delete(args[0] as number);
  return closeSync(...args);
};
syncBuiltinESMExports();

function isOurs(target: unknown): boolean {
  if (typeof target === 'number') return files.has(target);
  return folder !== undefined && String(target).startsWith(folder);
}

function isStruck(name: string): boolean {
  if (fault === undefined || fault.call !== name) return false;
  calls++;
  const isHit = fault.isLasting ? calls >= fault.nth : calls === fault.nth;
  if (isHit) struck++;
  return isHit;
}

function strike(name: string, original: AnyCall, args: unknown[]): unknown {
  const code = fault?.code ?? 'EIO';
  if (code === 'short') {
    const [file, bytes, offset, length] = args as [number, Uint8Array, number?, number?];
    const whole = length ?? bytes.length;
    return original(file, bytes, offset ?? 0, Math.max(1, Math.floor(whole / 2)));
  }
  const error = Object.assign(new Error(`${code}: injected, ${name}`), { code, syscall: name });
  const callback = args.at(-1);
  if (typeof callback === 'function') {
    setImmediate(() => callback(error));
    return undefined;
  }
  throw error;
}

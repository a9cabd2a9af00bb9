import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const LOCATION = /((?:file:\/\/)?(?:[A-Za-z]:)?[/\\][^()]*?):\d+:\d+\)?$/;

/**
 * The path of a task's file. The engine takes it as relative to the file that calls it, which it finds on the stack:
 * there it would now find us. `called` is the function the application called. As it came where nothing is found.
 */
export function absolutePathOf(path: string, called: (...args: never[]) => unknown): string {
  if (isAbsolute(path) || path.startsWith('file://')) return path;
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, called);
  const [, caller] = String(trace.stack).split('\n');
  const file = LOCATION.exec(caller ?? '')?.[1];
  if (file === undefined) return path;
  return resolve(dirname(file.startsWith('file://') ? fileURLToPath(file) : file), path);
}

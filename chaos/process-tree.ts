import { readdirSync, readFileSync } from 'node:fs';

/** A process and all that it started, by what the kernel knows of them. */
export function processTree(pid: number): readonly number[] {
  const found = [pid];
  for (const parent of found) {
    try {
      for (const task of readdirSync(`/proc/${parent}/task`)) {
        const children = readFileSync(`/proc/${parent}/task/${task}/children`, 'utf8');
        found.push(
          ...children
            .split(' ')
            .filter((text) => text !== '')
            .map(Number),
        );
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** Sends a signal to a process and all that it started. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  for (const member of processTree(pid)) {
    try {
      process.kill(member, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/**
 * An application that knows nothing of ledgers, and ends in one of the ways a process can end. What it prints and its exit
 * code must not depend on whether `runledger/register` was loaded.
 */
import type { WriterPlan } from './plan.ts';
import { execute } from './work.ts';

/** How a host ends. */
export type HostEnd = (typeof HOST_ENDS)[number];

export const HOST_ENDS = [
  'return',
  'exit 0',
  'exit 3',
  'exit code 4',
  'throw',
  'reject',
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGKILL',
  'abort',
  'out of memory',
] as const;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { writer, runs } = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
  process.stdout.write('begin\n');
  for (let run = 0; run < runs; run++) await execute(writer, run);
  process.stderr.write('a line of its own on stderr\n');
  process.stdout.write('end\n');
  await end(process.env.CHAOS_END as HostEnd);
}

async function end(way: HostEnd): Promise<void> {
  switch (way) {
    case 'return':
      return;
    case 'exit 0':
      process.exit(0);
      break;
    case 'exit 3':
      process.exit(3);
      break;
    case 'exit code 4':
      process.exitCode = 4;
      return;
    case 'throw':
      setImmediate(() => {
        throw new Error('nobody catches this');
      });
      return;
    case 'reject':
      void Promise.reject(new TypeError('nobody awaits this'));
      return;
    case 'abort':
      process.abort();
      break;
    case 'out of memory': {
      const kept: number[][] = [];
      for (;;) kept.push(new Array<number>(100_000).fill(kept.length));
    }
    default:
      process.kill(process.pid, way);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
}

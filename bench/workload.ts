import { setImmediate as nextTurn } from 'node:timers/promises';
import { runPipeline } from 'runledger';
import type { Sample } from './measure.ts';

const STEPS_A_TURN = 100;
const STEPS_A_PROCESS = 10;

/** One pipeline with processes of ten empty steps each, giving the event loop a turn every hundred steps. */
export async function runSteps(
  count: number,
  betweenTurns?: () => Promise<void>,
  work: () => void = () => undefined,
): Promise<void> {
  await runPipeline('bench', async (run) => {
    for (let done = 0; done < count; done += STEPS_A_TURN) {
      for (let at = 0; at < STEPS_A_TURN; at += STEPS_A_PROCESS) {
        run.process('batch', (process) => {
          for (let step = 0; step < STEPS_A_PROCESS; step++) process.step('noop', work);
        });
      }
      await nextTurn();
      await betweenTurns?.();
    }
  });
}

/** CPU time of the main thread for each step, in nanoseconds, after a warm-up. */
export async function stepCost(
  count: number,
  run: (count: number) => Promise<void> = runSteps,
): Promise<Sample> {
  await run(count / 5);
  globalThis.gc?.();
  const before = process.threadCpuUsage();
  await run(count);
  const used = process.threadCpuUsage(before);
  return { 'ns/step': ((used.user + used.system) * 1_000) / count };
}

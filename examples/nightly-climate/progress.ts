import { Presets, SingleBar } from 'cli-progress';

/** Says how far the night has come. */
export interface Progress {
  /** So many steps of a pipeline are done. */
  did(pipeline: string, what: string, steps: number): void;
  stop(): void;
}

/** A bar on a terminal, a line each time where the output is a file or a pipe. */
export function startProgress(totalSteps: number): Progress {
  if (!process.stdout.isTTY) {
    return {
      did: (pipeline, what) => void process.stdout.write(`${pipeline}: ${what} done\n`),
      stop() {},
    };
  }
  const bar = new SingleBar({ format: '{bar} {value}/{total}  {what}' }, Presets.shades_classic);
  bar.start(totalSteps, 0, { what: '' });
  return {
    did: (pipeline, what, steps) => bar.increment(steps, { what: `${pipeline}: ${what}` }),
    stop: () => bar.stop(),
  };
}

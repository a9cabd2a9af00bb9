import { runPipeline } from '../../../src/lifecycle/run-pipeline.ts';

/** Leaves a failing run unhandled, handles another, and prints what Node reports as unhandled. */
const reported: unknown[] = [];
process.on('unhandledRejection', (error) => reported.push((error as Error).message));

const failing = (message: string) =>
  runPipeline('nightly', (run) =>
    run.step('load', async () => {
      throw new Error(message);
    }),
  );

void failing('not handled');
failing('handled').catch(() => undefined);

setTimeout(() => process.stdout.write(JSON.stringify(reported)), 50);

// A pipeline with a step that has ended and one that runs on, which ends the way its argument says.
import { runPipeline } from '../../../src/index.ts';

const [, , ending = 'kill'] = process.argv;
const ENDINGS = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: () => process.exit(3),
  // Long after the store was told that it runs.
  later: () => new Promise(() => setTimeout(() => process.exit(3), 3_000)),
  abort: () => process.abort(),
};

await runPipeline('nightly', { tenant: 'acme' }, async (run) => {
  await run.step('download', () => undefined);
  await run.process('load', (load) =>
    load.step('insert', async () => {
      process.stdout.write('running\n');
      if (ending in ENDINGS) await ENDINGS[ending]();
      else await new Promise((resolve) => process.stdin.once('data', resolve));
    }),
  );
});

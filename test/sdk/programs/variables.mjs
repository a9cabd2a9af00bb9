// A run for the variables of the environment to act on. Prints the metrics where a port is given.
import { runPipeline } from '../../../src/index.ts';

await runPipeline('import', { input: { day: 1 } }, async (run) => {
  await run.step('load', async (step) => step.add({ rowsOut: 1 }));
});
const port = process.env.RUNLEDGER_PROMETHEUS_PORT;
if (port) {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  process.stdout.write(await response.text());
}

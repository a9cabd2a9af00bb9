// An application that knows nothing of an SDK.
import { runPipeline } from 'runledger';

await runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.process('store', (process) =>
    process.step('load', async () => {
      throw new TypeError('row 7 has no date');
    }),
  );
}).catch(() => {});

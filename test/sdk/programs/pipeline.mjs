// A run whose step `load` fails, and then the end named by the first argument.
import { runPipeline } from '../../../src/index.ts';
import { endAs } from './end-as.cjs';

await runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.step('load', async () => {
    throw new TypeError('row 7 has no date');
  });
}).catch(() => {});
endAs(process.argv[2]);

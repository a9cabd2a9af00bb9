// An application that sets up its own SDK when it starts, then works.
import { runPipeline } from '../../../src/index.ts';
import { earlyTracer } from './own-sdk.mjs';

earlyTracer.startSpan('early').end();
await runPipeline('import', async (run) => {
  await run.step('load', async () => {
    throw new TypeError('row 7 has no date');
  });
}).catch(() => {});

// A pipeline whose records are stored before the program ends by itself; nobody shuts the SDK down.
import { trace } from '@opentelemetry/api';
import { runPipeline } from '../../../src/index.ts';

await runPipeline('import', (run) => run.step('load', async () => {}));
await trace.getTracerProvider().getDelegate().forceFlush();

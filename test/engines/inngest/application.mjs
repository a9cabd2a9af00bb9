// An ES module that serves functions, calls them as the server does, and prints how each run ended.
import { appendFileSync } from 'node:fs';
import { trace } from '@opentelemetry/api';
import * as inngest from 'inngest';
import { serve } from 'inngest/edge';
import { execute, newRun } from './executor.cjs';
import { application, SCENARIOS } from './functions.cjs';

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};

async function main() {
  const handler = serve(application(inngest, span));
  for (const name of process.argv.slice(2)) {
    const { result, error } = await execute(handler, newRun(`shop-${name}`, SCENARIOS[name]));
    process.stdout.write(`${name} ${error === undefined ? JSON.stringify(result) : error.message}\n`);
  }
}
main();

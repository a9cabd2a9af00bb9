// A CommonJS module that serves functions, calls them as the server does, and prints how each run ended.
const { appendFileSync } = require('node:fs');
const { trace } = require('@opentelemetry/api');
const inngest = require('inngest');
const { serve } = require('inngest/edge');
const { execute, newRun } = require('./executor.cjs');
const { application, SCENARIOS } = require('./functions.cjs');

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

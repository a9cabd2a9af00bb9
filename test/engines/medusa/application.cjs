// A CommonJS module that runs the scenarios its arguments name and prints what they found.
const { appendFileSync } = require('node:fs');
const medusa = require('@medusajs/orchestration');
const { trace } = require('@opentelemetry/api');
const { scenarios } = require('./workflows.cjs');

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};

async function main() {
  for (const name of process.argv.slice(2)) {
    process.stdout.write(`${name} ${await scenarios[name](medusa, span)}\n`);
  }
}
main();

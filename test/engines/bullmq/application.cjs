// A CommonJS program that runs the scenarios its arguments name and prints what they found.
const { appendFileSync } = require('node:fs');
const { trace } = require('@opentelemetry/api');
const bullmq = require('bullmq');
const { BullMQOtel } = require('bullmq-otel');
const { scenarios } = require('./scenarios.cjs');

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
const inSpan = (name, work) =>
  trace.getTracer('application').startActiveSpan(name, async (active) => {
    span(name);
    const result = await work();
    active.end();
    return result;
  });

async function main() {
  const telemetry = process.env.NATIVE === undefined ? undefined : new BullMQOtel('application');
  for (const name of process.argv.slice(2)) {
    process.stdout.write(`${name}: ${await scenarios[name]({ bullmq, telemetry, span, inSpan })}\n`);
  }
}
main();

// An ES module that runs the scenarios its arguments name and prints what they found.
import { appendFileSync } from 'node:fs';
import { trace } from '@opentelemetry/api';
import * as bullmq from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { scenarios } from './scenarios.cjs';

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
const telemetry = process.env.NATIVE === undefined ? undefined : new BullMQOtel('application');
for (const name of process.argv.slice(2)) {
  process.stdout.write(`${name}: ${await scenarios[name]({ bullmq, telemetry, span, inSpan })}\n`);
}

// An ES module that runs the scenarios its arguments name and prints what they found.
import { appendFileSync } from 'node:fs';
import { trace } from '@opentelemetry/api';
import cron, * as all from 'node-cron';
import { scenarios } from './scenarios.cjs';

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
// The oldest one writes to the console whatever it is told, with the time.
for (const method of ['warn', 'error']) globalThis.console[method] = () => {};
for (const name of process.argv.slice(2)) {
  // The newest one has its functions by name, too.
  const engine = name === 'due' && all.schedule !== undefined ? { schedule: all.schedule } : cron;
  process.stdout.write(`${name} ${await scenarios[name](engine, span)}\n`);
}

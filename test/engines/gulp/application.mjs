// An ES module that runs the scenarios its arguments name and prints what they found.
import { appendFileSync } from 'node:fs';
import { trace } from '@opentelemetry/api';
import bach from 'bach';
import Undertaker from 'undertaker';
import { scenarios } from './scenarios.cjs';

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
for (const name of process.argv.slice(2)) {
  process.stdout.write(`${name} ${await scenarios[name]({ Undertaker, bach, span })}\n`);
}

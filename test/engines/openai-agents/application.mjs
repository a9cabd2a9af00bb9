// An ES module that runs the scenarios its arguments name and prints what they found.
import { appendFileSync } from 'node:fs';
import * as agents from '@openai/agents-core';
import { trace } from '@opentelemetry/api';
import { modelOf } from './model.cjs';
import { scenarios } from './scenarios.cjs';

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
// Its own traces go nowhere, which is no reason for them not to be recorded.
agents.setTraceProcessors([]);
agents.setDefaultModelProvider({ getModel: () => Promise.reject(new Error('no model')) });
for (const name of process.argv.slice(2)) {
  process.stdout.write(`${name} ${await scenarios[name](agents, { span, model: modelOf(agents) })}\n`);
}

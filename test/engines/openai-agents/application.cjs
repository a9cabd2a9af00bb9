// A CommonJS program that runs the scenarios its arguments name and prints what they found.
const { appendFileSync } = require('node:fs');
const agents = require('@openai/agents-core');
const { trace } = require('@opentelemetry/api');
const { modelOf } = require('./model.cjs');
const { scenarios } = require('./scenarios.cjs');

const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
// Its own traces go nowhere, which is no reason for them not to be recorded.
agents.setTraceProcessors([]);
agents.setDefaultModelProvider({ getModel: () => Promise.reject(new Error('no model')) });
(async () => {
  for (const name of process.argv.slice(2)) {
    process.stdout.write(`${name} ${await scenarios[name](agents, { span, model: modelOf(agents) })}\n`);
  }
})();

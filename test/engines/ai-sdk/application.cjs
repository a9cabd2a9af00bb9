// A CommonJS program that runs the scenarios its arguments name and prints what they found.
const { appendFileSync } = require('node:fs');
const { trace } = require('@opentelemetry/api');
const ai = require('ai');
const mocks = require('ai/test');
const { modelsOf } = require('./models.cjs');
const { scenarios } = require('./scenarios.cjs');

const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
(async () => {
  for (const name of process.argv.slice(2)) {
    process.stdout.write(`${name} ${await scenarios[name](ai, { span, ...modelsOf(mocks, ai) })}\n`);
  }
})();

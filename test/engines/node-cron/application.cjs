// The same as application.mjs in CommonJS.
const { appendFileSync } = require('node:fs');
const { trace } = require('@opentelemetry/api');
const cron = require('node-cron');
const { scenarios } = require('./scenarios.cjs');

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
// The oldest one writes to the console whatever it is told, with the time.
for (const method of ['warn', 'error']) globalThis.console[method] = () => {};
(async () => {
  for (const name of process.argv.slice(2)) {
    // The newest one has its functions on a default export, too.
    const engine = name === 'invoked' ? (cron.default ?? cron) : cron;
    process.stdout.write(`${name} ${await scenarios[name](engine, span)}\n`);
  }
})();

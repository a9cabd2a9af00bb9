// The same as application.mjs in CommonJS.
const { appendFileSync } = require('node:fs');
const { trace } = require('@opentelemetry/api');
const worker = require('graphile-worker');
const pg = require('pg');
const { scenarios } = require('./scenarios.cjs');

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
const { DATABASE_URL: connectionString, SCHEMA: schema } = process.env;
const options = { connectionString, schema, logger: new worker.Logger(() => () => {}) };
(async () => {
  for (const name of process.argv.slice(2)) {
    process.stdout.write(`${name} ${await scenarios[name](worker, options, span, pg)}\n`);
  }
})();

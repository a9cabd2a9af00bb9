// The same in CommonJS. Where the engine has no entry for `require`, applications import it.
const { createRequire } = require('node:module');
const { appendFileSync } = require('node:fs');
const { trace } = require('@opentelemetry/api');

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};

async function load(name) {
  try {
    return createRequire(__filename)(name);
  } catch (error) {
    if (error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return import(name);
    throw error;
  }
}

(async () => {
  const engine = await load('agenda');
  const { PostgresBackend } = await load('@agendajs/postgres-backend');
  const { scenarios } = await import('./scenarios.mjs');
  const { DATABASE_URL: connectionString, SCHEMA: tableName } = process.env;
  const backend = new PostgresBackend({
    connectionString,
    tableName,
    channelName: tableName,
    logTableName: `${tableName}_log`,
  });
  const agenda = new engine.Agenda({ backend, processEvery: 50 });
  await agenda.start();
  for (const name of process.argv.slice(2)) {
    process.stdout.write(`${name} ${await scenarios[name](agenda, engine, span)}\n`);
  }
  await agenda.stop();
  // It looks for expired locks for minutes after the last job.
  process.exit();
})();

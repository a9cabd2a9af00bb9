// An ES module that runs the scenarios its arguments name and prints what they found.
import { appendFileSync } from 'node:fs';
import { PostgresBackend } from '@agendajs/postgres-backend';
import { trace } from '@opentelemetry/api';
import * as engine from 'agenda';
import { scenarios } from './scenarios.mjs';

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
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

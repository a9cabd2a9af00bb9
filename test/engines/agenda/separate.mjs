// Enqueues a job in a run and hands the run over in its data, or does what another process enqueued.
import { PostgresBackend } from '@agendajs/postgres-backend';
import { Agenda } from 'agenda';
import { injectExecution, runPipeline } from 'runledger';

const { DATABASE_URL: connectionString, SCHEMA: tableName } = process.env;
const backend = new PostgresBackend({ connectionString, tableName, channelName: tableName });
const agenda = new Agenda({ backend, processEvery: 50 });
agenda.define('load', async ({ attrs }) => process.stdout.write(`${attrs.data.table}\n`));
if (process.argv[2] === 'produce') {
  await agenda.ready;
  await runPipeline('nightly', (run) =>
    run.step('enqueue', async () => {
      const data = { table: 'orders' };
      injectExecution(data);
      await agenda.now('load', data);
    }),
  );
} else {
  const complete = new Promise((resolve) => agenda.once('complete:load', resolve));
  await agenda.start();
  await complete;
}
await agenda.stop();
// It looks for expired locks for minutes after the last job.
process.exit();

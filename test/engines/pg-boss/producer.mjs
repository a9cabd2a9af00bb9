// Sends jobs in a run. Another process does them.
import { PgBoss } from 'pg-boss';
import { runPipeline } from 'runledger';

const { DATABASE_URL: connectionString, SCHEMA: schema } = process.env;
const boss = await new PgBoss({ connectionString, schema, supervise: false, schedule: false }).start();
await boss.createQueue('load');
await runPipeline('nightly', { correlationId: '2026-11-20', tenant: 'acme' }, async (run) => {
  await run.step('enqueue', async () => {
    for (const table of ['customers', 'orders']) await boss.send('load', { table }, { retryLimit: 0 });
  });
});
await boss.stop({ graceful: false });

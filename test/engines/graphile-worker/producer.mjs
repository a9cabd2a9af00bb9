// Enqueues jobs in a run and hands the run over in their payloads. Another process does them.
import { makeWorkerUtils } from 'graphile-worker';
import { injectExecution, runPipeline } from 'runledger';

const { DATABASE_URL: connectionString, SCHEMA: schema } = process.env;
const utils = await makeWorkerUtils({ connectionString, schema });
await runPipeline('nightly', { correlationId: '2026-11-20', tenant: 'acme' }, async (run) => {
  await run.step('enqueue', async () => {
    for (const table of ['customers', 'orders']) {
      const payload = { table };
      injectExecution(payload);
      await utils.addJob('load', payload, { maxAttempts: 1 });
    }
  });
});
await utils.release();

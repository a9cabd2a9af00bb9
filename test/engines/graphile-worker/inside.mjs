// Drains its queue in a run: the jobs are part of it.
import { Logger, makeWorkerUtils, runOnce } from 'graphile-worker';
import { runPipeline } from 'runledger';

const { DATABASE_URL: connectionString, SCHEMA: schema } = process.env;
const options = { connectionString, schema, logger: new Logger(() => () => {}) };
const utils = await makeWorkerUtils(options);
await utils.addJob('sweep', {});
await runPipeline('hourly', (run) => run.step('drain', () => runOnce(options, { sweep: async () => {} })));
await utils.release();

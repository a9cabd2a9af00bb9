import { unsupported } from '../../src/testing.ts';
import { describeEngineConformance } from '../support/engine-conformance.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import { hasRedis, startRedis } from '../support/redis-server.ts';

/** A flow has the name of the job that waits for the others. */
const ofFlow = (name: string) => ({ run: { name } });
/** Where that job is none of the units it is a process the scenario does not speak of, and so is its name. */
const ofGathering = { name: undefined };
/** So BullMQ fails a job that waits for another. */
const childFailed = (id: string, name: string) => ({
  errorType: 'UnrecoverableError',
  errorMessage: `child ${id}:units:${name} failed`,
});

const onPostgres = {
  isInstalled: hasPostgres,
  start: startPostgres,
  environment: ({ url }: { readonly url: string }) => ({ DATABASE_URL: url }),
};

describeEngineConformance({
  engine: 'bullmq',
  unit: 'process',
  server: {
    isInstalled: hasRedis,
    start: startRedis,
    environment: ({ port }) => ({ REDIS_PORT: String(port) }),
  },
  except: {
    success: { differences: ofFlow('load') },
    inside: { differences: { run: ofGathering } },
    retry: { differences: ofFlow('flaky') },
    failure: { differences: { run: childFailed('failure', 'load') } },
    exhausted: { differences: ofFlow('flaky') },
    parallel: { differences: { run: { ...ofGathering, ...childFailed('parallel', 'left') } } },
    skip: unsupported('a job of BullMQ that is not needed is not added'),
    cancel: { differences: ofFlow('sync') },
    timeout: unsupported('a job of BullMQ has no time limit: its processor ends itself'),
    // A job that hits a limit is done later: that it was not let through is a step of its own.
    reject: { unit: 'step', differences: { sync: { name: 'conformance-reject (rate limit)' } } },
    nested: {
      differences: { run: childFailed('nested', 'prepare'), prepare: childFailed('nested', 'unpack') },
    },
    'cross-process': { differences: ofFlow('ship') },
    crash: { differences: ofFlow('sync') },
  },
});

describeEngineConformance({
  engine: 'graphile-worker',
  unit: 'pipeline',
  server: onPostgres,
  except: {
    skip: unsupported('a job of graphile-worker that is not needed is not added'),
    timeout: unsupported('a job of graphile-worker has no time limit'),
    reject: unsupported('graphile-worker admits every job, and does it when there is a worker for it'),
    nested: unsupported('a job of graphile-worker has no jobs; one that it adds is a run of its own'),
  },
});

describeEngineConformance({
  engine: 'pg-boss',
  unit: 'process',
  server: onPostgres,
  except: {
    success: { differences: ofFlow('extract, load') },
    inside: { differences: ofFlow('left, right, gather') },
    retry: { differences: ofFlow('flaky, gather') },
    failure: { differences: ofFlow('extract, load, report') },
    exhausted: { differences: ofFlow('flaky, gather') },
    parallel: { differences: ofFlow('left, right, gather') },
    skip: unsupported('a job of pg-boss that is not needed is not sent'),
    cancel: { differences: ofFlow('sync, gather') },
    timeout: { differences: ofFlow('sync, gather') },
    // A job that is not taken is part of no flow.
    reject: { unit: 'pipeline' },
    nested: unsupported('a job of pg-boss has no jobs; a flow that it sends is a pipeline'),
    'cross-process': { differences: ofFlow('ship, gather') },
    // Pg-boss has the job done again, or fails it, once its time is over: its flow is not.
    crash: { differences: { run: { name: 'sync, gather', outcome: ['suspended'], errorType: null } } },
  },
});

describeEngineConformance({
  engine: 'node-cron',
  unit: 'pipeline',
  except: {
    retry: unsupported('node-cron tries nothing twice'),
    exhausted: unsupported('node-cron tries nothing twice'),
    // A run that another instance does.
    skip: { differences: { archive: { skipReason: 'not-elected' } } },
    cancel: unsupported('a run of node-cron can not be cancelled'),
    timeout: unsupported('node-cron limits how long it waits for a run, not the run'),
    // A run that was missed, since the process was busy.
    reject: { differences: { sync: { rejectionReason: 'capacity_limit' } } },
    nested: unsupported('a task of node-cron has no tasks'),
  },
});

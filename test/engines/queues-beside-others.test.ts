import { describeBesideOthers } from '../support/engine-beside-others.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import { hasRedis, startRedis } from '../support/redis-server.ts';

const onPostgres = {
  isInstalled: hasPostgres,
  start: startPostgres,
  environment: ({ url }: { readonly url: string }) => ({ DATABASE_URL: url }),
};

describeBesideOthers({
  engine: 'bullmq',
  scenarios: ['attempts', 'flow', 'inside', 'delayed'],
  wraps: [
    'Worker.prototype.processJob',
    'Worker.prototype.callProcessJob',
    'Queue.prototype.add',
    'FlowProducer.prototype.add',
  ],
  wrapsCallbacks: true,
  server: {
    isInstalled: hasRedis,
    start: startRedis,
    environment: ({ port }) => ({ REDIS_PORT: String(port) }),
  },
  surroundings: (run) => ({ REDIS_DB: String(run) }),
});

describeBesideOthers({
  engine: 'graphile-worker',
  scenarios: ['once', 'retry', 'batch'],
  wraps: ['runOnce', 'makeWorkerUtils'],
  wrapsCallbacks: true,
  server: onPostgres,
  surroundings: (run) => ({ SCHEMA: `beside_${run}` }),
});

describeBesideOthers({
  engine: 'pg-boss',
  scenarios: ['work', 'batch', 'flow'],
  wraps: ['PgBoss.prototype.work', 'PgBoss.prototype.send', 'PgBoss.prototype.flow'],
  wrapsCallbacks: true,
  server: onPostgres,
  surroundings: (run) => ({ SCHEMA: `beside_${run}` }),
});

describeBesideOthers({
  engine: 'agenda',
  programs: ['conformance.mjs'],
  scenarios: ['failure'],
  wraps: ['Job.prototype.run', 'Job.prototype.runJob', 'Job.prototype.fail', 'Agenda.prototype.now'],
  server: onPostgres,
});

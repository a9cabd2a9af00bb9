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
  server: onPostgres,
  surroundings: (run) => ({ SCHEMA: `beside_${run}` }),
});

describeBesideOthers({
  engine: 'pg-boss',
  scenarios: ['work', 'batch', 'flow'],
  wraps: ['PgBoss.prototype.work', 'PgBoss.prototype.send', 'PgBoss.prototype.flow'],
  server: onPostgres,
  surroundings: (run) => ({ SCHEMA: `beside_${run}` }),
});

describeBesideOthers({
  engine: 'node-cron',
  scenarios: ['invoked', 'failed'],
  wraps: ['createTask'],
});

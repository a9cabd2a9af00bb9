// Queues, workers and flows as applications write them. Nothing here knows of Runledger.
const { once } = require('node:events');
const { appendFileSync } = require('node:fs');
const { join } = require('node:path');

/** What every queue, worker and flow producer of the application is made with. */
const settings = ({ connection, telemetry }) => ({
  connection,
  ...(telemetry === undefined ? {} : { telemetry }),
});

/** Runs workers until `count` jobs ended, each try counted, and says how they ended. */
async function ends(app, processors, count, add, options = {}) {
  const { Worker } = app.bullmq;
  const workers = Object.entries(processors).map(([queue, processor]) => {
    const call = typeof processor === 'function' ? (job, token) => processor(job, token, worker) : processor;
    const worker = new Worker(queue, call, { ...settings(app), concurrency: 4, ...options });
    return worker;
  });
  const found = [];
  const done = new Promise((resolve) => {
    const note = (line) => found.push(line) === count && resolve();
    for (const worker of workers) {
      worker.on('completed', (job, result) => note(`${job.name} = ${result}`));
      worker.on('failed', (job, error) => note(`${job.name}: ${error.name} ${error.message}`));
      worker.on('error', () => {});
    }
  });
  await add();
  await done;
  await Promise.all(workers.map((worker) => worker.close()));
  return found.sort().join(', ');
}

async function withQueues(app, names, use) {
  const queues = names.map((name) => new app.bullmq.Queue(name, settings(app)));
  const result = await use(...queues);
  await Promise.all(queues.map((queue) => queue.close()));
  return result;
}

async function withFlows(app, use) {
  const flows = new app.bullmq.FlowProducer(settings(app));
  const result = await use(flows);
  await flows.close();
  return result;
}

/** The application: BullMQ and its datastore, its telemetry if any, and what makes and notes spans. */
function applicationOf({ bullmq, BullMQOtel, trace }) {
  const { POSTGRES_URL, POSTGRES_SCHEMA, REDIS_PORT, REDIS_DB, NATIVE, SPANS_FILE } = process.env;
  /** Notes the span that is active where the application does something: the parent of every span made there. */
  const span = (name) => {
    if (SPANS_FILE === undefined) return;
    appendFileSync(SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
  };
  const inSpan = (name, work) =>
    trace.getTracer('application').startActiveSpan(name, async (active) => {
      span(name);
      const result = await work();
      active.end();
      return result;
    });
  const redis = {
    host: '127.0.0.1',
    port: Number(REDIS_PORT),
    db: Number(REDIS_DB),
    maxRetriesPerRequest: null,
  };
  return {
    bullmq:
      POSTGRES_URL === undefined
        ? bullmq
        : { ...bullmq, ...bullmq.withBackend(bullmq.createPostgresBackend) },
    connection:
      POSTGRES_URL === undefined
        ? redis
        : { connectionString: POSTGRES_URL, schema: POSTGRES_SCHEMA, migrate: true },
    telemetry: NATIVE === undefined ? undefined : new BullMQOtel('application'),
    span,
    inSpan,
  };
}

/** Runs the scenarios that are named and prints what they found. */
exports.run = async (packages, names) => {
  const app = applicationOf(packages);
  for (const name of names) process.stdout.write(`${name}: ${await scenarios[name](app)}\n`);
};

/** Each resolves to what it found. */
const scenarios = {
  alone: (app) =>
    withQueues(app, ['mail'], (mail) =>
      ends(
        app,
        {
          mail: async (job) => {
            app.span(`of ${job.data.to}`);
            return job.data.to;
          },
        },
        2,
        () => Promise.all(['ada', 'bob'].map((to) => mail.add('send', { to }, { jobId: `to-${to}` }))),
      ),
    ),

  attempts: (app) =>
    withQueues(app, ['attempts'], (queue) => {
      const tries = {};
      const processor = async ({ name }) => {
        tries[name] = (tries[name] ?? 0) + 1;
        if (name === 'hopeless') throw new app.bullmq.UnrecoverableError('never');
        if (name === 'broken' || tries[name] < 3) throw new RangeError(`try ${tries[name]} of ${name}`);
        return tries[name];
      };
      const options = { attempts: 3, backoff: 1 };
      return ends(app, { attempts: processor }, 3 + 3 + 1, async () => {
        for (const name of ['flaky', 'broken', 'hopeless']) await queue.add(name, {}, options);
      });
    }),

  flow: (app) =>
    withFlows(app, async (flows) => {
      let tries = 0;
      const rooms = async (job) => {
        app.span(`of ${job.name}`);
        if (job.name === 'floor' && ++tries < 2) throw new TypeError('no planks');
        return 'fine';
      };
      return ends(app, { house: async () => 'done', rooms, shop: async () => 'bought' }, 5, () =>
        flows.add({
          name: 'renovate',
          queueName: 'house',
          data: { street: 'Elm' },
          children: [
            { name: 'paint', queueName: 'rooms', children: [{ name: 'buy-paint', queueName: 'shop' }] },
            { name: 'floor', queueName: 'rooms', opts: { attempts: 2 } },
          ],
        }),
      );
    }),

  failedFlow: (app) =>
    withFlows(app, (flows) => {
      const parts = async () => {
        throw new RangeError('frame is bent');
      };
      return ends(app, { cars: async () => 'never', parts }, 2, () =>
        flows.add({
          name: 'build-car',
          queueName: 'cars',
          children: [
            { name: 'frame', queueName: 'parts', opts: { jobId: 'frame-1', failParentOnFailure: true } },
          ],
        }),
      );
    }),

  flows: (app) =>
    withFlows(app, (flows) =>
      ends(app, { albums: async () => 'album', tracks: async () => 'track' }, 4, () =>
        flows.addBulk(
          ['one', 'two'].map((name) => ({
            name,
            queueName: 'albums',
            children: [{ name: `track of ${name}`, queueName: 'tracks' }],
          })),
        ),
      ),
    ),

  delayed: (app) =>
    withQueues(app, ['later'], (queue) => {
      let isLater = false;
      const processor = async (job, token) => {
        if (isLater) return 'later';
        isLater = true;
        await job.moveToDelayed(Date.now() + 20, token);
        throw new app.bullmq.DelayedError();
      };
      return ends(app, { later: processor }, 1, () => queue.add('postpone', {}));
    }),

  children: (app) =>
    withQueues(app, ['steps', 'pieces'], (steps, pieces) => {
      let isSplit = false;
      const processor = async (job, token) => {
        if (isSplit) return 'joined';
        isSplit = true;
        await pieces.add('piece', {}, { parent: { id: job.id, queue: job.queueQualifiedName } });
        if (await job.moveToWaitingChildren(token)) throw new app.bullmq.WaitingChildrenError();
        return 'alone';
      };
      return ends(app, { steps: processor, pieces: async () => 'piece' }, 2, () => steps.add('split', {}));
    }),

  limited: (app) =>
    withQueues(app, ['api'], (queue) => {
      let isAllowed = false;
      const processor = async (_job, _token, worker) => {
        if (isAllowed) return 'called';
        isAllowed = true;
        await worker.rateLimit(20);
        throw app.bullmq.Worker.RateLimitError();
      };
      return ends(app, { api: processor }, 1, () => queue.add('call', {}), {
        limiter: { max: 100, duration: 1 },
      });
    }),

  stalled: (app) =>
    withQueues(app, ['slow'], async (queue) => {
      const { Worker } = app.bullmq;
      let free;
      const freed = new Promise((resolve) => {
        free = resolve;
      });
      const first = new Worker('slow', () => freed.then(() => 'too late'), {
        ...settings(app),
        lockDuration: 200,
        lockRenewTime: 60_000,
        skipStalledCheck: true,
      });
      first.on('error', () => {});
      const taken = once(first, 'active');
      await queue.add('heavy', {});
      await taken;
      const second = new Worker('slow', async () => 'in time', {
        ...settings(app),
        stalledInterval: 100,
      });
      const [, result] = await once(second, 'completed');
      free();
      await first.close();
      await second.close();
      return result;
    }),

  sandboxed: (app) =>
    withQueues(app, ['sandbox'], (queue) =>
      ends(app, { sandbox: join(__dirname, 'sandboxed.cjs') }, 2, async () => {
        await queue.add('fine', {});
        await queue.add('bad', {});
      }),
    ),

  fails: (app) =>
    withQueues(app, ['glass'], (queue) =>
      ends(
        app,
        {
          glass: async () => {
            throw new RangeError('it broke');
          },
        },
        1,
        () => queue.add('fragile', {}),
      ),
    ),

  inside: (app) =>
    withQueues(app, ['orders', 'invoices'], (orders, invoices) =>
      ends(
        app,
        {
          orders: async (job) => {
            await invoices.add('invoice', {});
            await invoices.addBulk([{ name: 'archive', data: {} }]);
            return job.data.id;
          },
          invoices: async (job) => {
            app.span(`of ${job.name}`);
            return 'ok';
          },
        },
        3,
        () => orders.add('order', { id: 17 }),
      ),
    ),

  // One process adds, others work: each scenario below is run by a process of its own.
  addFlow: (app) =>
    withFlows(app, async (flows) => {
      const { job } = await app.inSpan('POST /etl', () =>
        flows.add({
          name: 'etl',
          queueName: 'load',
          children: [
            { name: 'extract-a', queueName: 'extract' },
            { name: 'extract-b', queueName: 'extract' },
          ],
        }),
      );
      return job.name;
    }),
  extract: (app) => ends(app, { extract: async ({ name }) => name }, 2, async () => {}),
  load: (app) => ends(app, { load: async () => 'loaded' }, 1, async () => {}),
  failToLoad: (app) =>
    ends(
      app,
      {
        load: async () => {
          throw new TypeError('no such table');
        },
      },
      1,
      async () => {},
    ),
  putOff: (app) =>
    withQueues(app, ['patient'], async (queue) => {
      const { Worker, DelayedError } = app.bullmq;
      const processor = async (job, token) => {
        await job.moveToDelayed(Date.now() + 10, token);
        throw new DelayedError();
      };
      const worker = new Worker('patient', processor, settings(app));
      const taken = once(worker, 'active');
      await queue.add('wait', {});
      await taken;
      await worker.close();
      return 'put off';
    }),
  goOn: (app) => ends(app, { patient: async () => 'at last' }, 1, async () => {}),

  // The oldest one can not do what a schedule makes where it has a telemetry: with its own intervals it takes 135 s to say so.
  scheduled: (app) =>
    withQueues(app, ['clock'], (queue) =>
      ends(
        app,
        { clock: async () => 'tock' },
        1,
        () =>
          app.inSpan('GET /schedule', () =>
            queue.upsertJobScheduler('every-hour', { every: 3_600_000 }, { name: 'tick' }),
          ),
        { runRetryDelay: 100, lockDuration: 1_000, stalledInterval: 300 },
      ),
    ),

  traced: (app) =>
    withQueues(app, ['clicks'], (queue) =>
      ends(app, { clicks: async () => 'counted' }, 1, () =>
        app.inSpan('GET /click', () => queue.add('click', {})),
      ),
    ),

  nobody: (app) =>
    withFlows(app, (flows) =>
      ends(app, { private: async () => 'kept' }, 1, () =>
        app.inSpan('GET /private', () =>
          flows.add({ name: 'keep', queueName: 'private', opts: { telemetry: { omitContext: true } } }),
        ),
      ),
    ),
};

// Queues as applications write them. Nothing here knows of Runledger.
const { setTimeout: delay } = require('node:timers/promises');

const FAST = { pollingIntervalSeconds: 0.5 };

/** Resolves once the engine wrote down how a job ended. */
async function settled(boss, queue, id) {
  for (;;) {
    const job = await boss.getJobById(queue, id);
    if (['completed', 'failed', 'cancelled'].includes(job?.state)) return job.state;
    await delay(50);
  }
}

/** Each is given a started pg-boss and what notes the active span; returns what it found. */
exports.scenarios = {
  async work(boss, span) {
    await boss.createQueue('mail');
    const id = await boss.send('mail', { to: 'ada' });
    const done = [];
    const worker = await boss.work('mail', FAST, async ([job]) => {
      span('of mail');
      done.push(job.data.to, Object.keys(job).includes('state'));
      return { sent: true };
    });
    const state = await settled(boss, 'mail', id);
    const { output } = await boss.getJobById('mail', id);
    return [state, ...done, output.sent, typeof worker];
  },

  async retry(boss) {
    await boss.createQueue('import');
    const id = await boss.send('import', {}, { retryLimit: 2, retryDelay: 0 });
    let calls = 0;
    await boss.work('import', { ...FAST, includeMetadata: true }, ([{ retryCount }]) => {
      if (++calls < 3) throw new RangeError(`try ${retryCount}`);
    });
    return [await settled(boss, 'import', id), calls];
  },

  async exhausted(boss) {
    await boss.createQueue('charge');
    const error = Object.assign(new TypeError('card declined'), { code: 'E402' });
    const id = await boss.send('charge', {}, { retryLimit: 0 });
    await boss.work('charge', FAST, async () => {
      throw error;
    });
    const state = await settled(boss, 'charge', id);
    const { output } = await boss.getJobById('charge', id);
    return [state, output.message];
  },

  async batch(boss, span) {
    await boss.createQueue('index');
    const ids = [];
    for (const document of ['a', 'b', 'c']) ids.push(await boss.send('index', { document }));
    const sizes = [];
    await boss.work('index', { ...FAST, batchSize: 3 }, async (jobs) => {
      span('of index');
      sizes.push(jobs.length);
    });
    for (const id of ids) await settled(boss, 'index', id);
    return sizes;
  },

  async failedBatch(boss) {
    await boss.createQueue('publish');
    const ids = [];
    for (const page of [1, 2]) ids.push(await boss.send('publish', { page }, { retryLimit: 0 }));
    await boss.work('publish', { ...FAST, batchSize: 2 }, async () => {
      throw new Error('bucket is gone');
    });
    const states = [];
    for (const id of ids) states.push(await settled(boss, 'publish', id));
    return states;
  },

  async expired(boss) {
    await boss.createQueue('slow');
    const id = await boss.send('slow', {}, { expireInSeconds: 1, retryLimit: 0 });
    await boss.work('slow', FAST, () => delay(2_000));
    return settled(boss, 'slow', id);
  },

  async chained(boss, span) {
    await boss.createQueue('first');
    await boss.createQueue('second');
    const { promise, resolve } = Promise.withResolvers();
    await boss.work('first', FAST, async () => {
      resolve(await boss.send('second', {}));
    });
    await boss.work('second', FAST, async () => span('of second'));
    await boss.send('first', {});
    return settled(boss, 'second', await promise);
  },

  /** One job a day, and one more for the day after. */
  async throttled(boss) {
    await boss.createQueue('digest');
    const daily = { singletonSeconds: 86_400 };
    const ids = [
      await boss.send('digest', {}, daily),
      await boss.send({ name: 'digest', options: daily }),
      await boss.sendThrottled('digest', {}, {}, 86_400),
      await boss.send('digest', {}, { ...daily, singletonNextSlot: true }),
    ];
    return ids.map((id) => id !== null);
  },

  async perJob(boss) {
    await boss.createQueue('pay');
    const ids = [];
    for (const _ of [1, 2, 3]) ids.push(await boss.send('pay', {}, { retryLimit: 0 }));
    await boss.work('pay', { ...FAST, batchSize: 3, perJobResults: true }, async (jobs) =>
      jobs.map(({ id }) =>
        id === ids[1]
          ? { id, status: 'failed', output: new RangeError('no funds') }
          : { id, status: 'completed' },
      ),
    );
    const states = [];
    for (const id of ids) states.push(await settled(boss, 'pay', id));
    return states;
  },

  async flow(boss, span) {
    for (const queue of ['extract', 'transform', 'store', 'validate']) await boss.createQueue(queue);
    let calls = 0;
    await boss.work('extract', FAST, async () => {});
    await boss.work('transform', FAST, async () => {
      if (++calls === 1) throw new RangeError('no such unit');
    });
    await boss.work('store', FAST, async () => span('of store'));
    await boss.work('validate', { ...FAST, includeMetadata: true }, async () => {
      throw new TypeError('3 columns are missing');
    });
    const ids = await boss.flow([
      { ref: 'read', name: 'extract' },
      { ref: 'turn', name: 'transform', dependsOn: ['read'], options: { retryLimit: 1, retryDelay: 0 } },
      { ref: 'write', name: 'store', dependsOn: ['turn'] },
    ]);
    const others = await boss.flow([
      { ref: 'check', name: 'validate', options: { retryLimit: 0 } },
      { ref: 'write', name: 'store', dependsOn: ['check'] },
    ]);
    let isDone = false;
    const stored = settled(boss, 'store', ids.write).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await boss.resolveFlow();
      await delay(50);
    }
    return [await stored, await settled(boss, 'validate', others.check), Object.keys(ids)];
  },

  async stopped(boss) {
    await boss.createQueue('endless');
    await boss.send('endless', {}, { retryLimit: 0 });
    const { promise: started, resolve } = Promise.withResolvers();
    await boss.work('endless', FAST, () => {
      resolve();
      return new Promise(() => {});
    });
    await started;
    await boss.stop({ graceful: false });
    return 'stopped';
  },

  /** Does what others sent. */
  async drain(boss) {
    await boss.createQueue('load');
    const done = [];
    const { promise, resolve } = Promise.withResolvers();
    await boss.work('load', FAST, async ([{ id, data }]) => {
      done.push(data.table);
      if (done.length === 2) resolve(id);
      if (data.table === 'orders') throw new Error('duplicate key');
    });
    await settled(boss, 'load', await promise);
    return done;
  },
};

/** A pg-boss of the application's own kind. */
exports.start = async ({ PgBoss }) => {
  class Queues extends PgBoss {
    get isOurs() {
      return true;
    }
  }
  const { DATABASE_URL: connectionString, SCHEMA: schema } = process.env;
  const boss = new Queues({ connectionString, schema, supervise: false, schedule: false });
  const other = new PgBoss(connectionString);
  boss.on('error', (error) => process.stderr.write(`${error.message}\n`));
  await boss.start();
  process.stdout.write(
    `${boss.isOurs} ${boss instanceof PgBoss} ${boss.constructor.name} ${other instanceof PgBoss} ${PgBoss.name}\n`,
  );
  return boss;
};

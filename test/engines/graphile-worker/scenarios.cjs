// Workers as applications write them. Nothing here knows of Runledger.
const { once } = require('node:events');

/** Has a failed job tried again without its back-off, once the worker has let go of it. */
async function rightAway(utils, id) {
  let jobs = [];
  while (jobs.length === 0) {
    jobs = await utils.rescheduleJobs([id], { runAt: new Date(Date.now() - 1_000) });
  }
}

/** Each is given graphile-worker, the options every worker has, and what notes the active span; returns what it found. */
exports.scenarios = {
  async once({ run, runOnce, makeWorkerUtils }, options, span) {
    const utils = await makeWorkerUtils(options);
    await utils.addJob('send_mail', { to: 'ada' }, { jobKey: 'mail-ada' });
    await utils.addJob('resize', { width: 80 });
    const done = [];
    const taskList = {
      send_mail: async ({ to }, { job }) => {
        span('of send_mail');
        done.push(`${to} ${job.attempts}`);
      },
      resize({ width }, { logger }) {
        span('of resize');
        logger.debug('a task need not be asynchronous');
        done.push(width);
      },
    };
    const { send_mail: given } = taskList;
    await runOnce({ ...options, concurrency: 1 }, taskList);
    await utils.release();
    return [...done, given === taskList.send_mail, typeof run];
  },

  async retry({ runOnce, makeWorkerUtils }, options) {
    const utils = await makeWorkerUtils(options);
    const { id } = await utils.addJob('import', {}, { maxAttempts: 3 });
    let calls = 0;
    const taskList = {
      import: async () => {
        if (++calls < 3) throw new RangeError(`try ${calls}`);
      },
    };
    for (let tries = 0; tries < 3; tries++) {
      if (tries > 0) await rightAway(utils, id);
      await runOnce(options, taskList);
    }
    await utils.release();
    return calls;
  },

  async exhausted({ runOnce, makeWorkerUtils }, options) {
    const utils = await makeWorkerUtils(options);
    await utils.addJob('charge', {}, { maxAttempts: 1 });
    await utils.addJob('odd', {}, { maxAttempts: 1 });
    await utils.addJob('stopped', {}, { maxAttempts: 1 });
    await runOnce(
      { ...options, concurrency: 1 },
      {
        charge: () => Promise.reject(Object.assign(new TypeError('card declined'), { code: 'E402' })),
        odd() {
          throw 'a string';
        },
        stopped: () => Promise.reject(new DOMException('stopped', 'AbortError')),
      },
    );
    // A worker that has ended may still be writing how its last jobs failed.
    let rows = [];
    while (rows.length < 3) {
      ({ rows } = await utils.withPgClient((client) =>
        client.query(
          `select last_error from ${options.schema}._private_jobs where last_error is not null order by id`,
        ),
      ));
    }
    await utils.withPgClient((client) => client.query(`delete from ${options.schema}._private_jobs`));
    await utils.release();
    return rows.map(({ last_error }) => last_error);
  },

  async batch({ runOnce, makeWorkerUtils }, options) {
    const utils = await makeWorkerUtils(options);
    const { id } = await utils.addJob('index', ['a', 'b', 'c']);
    const payloads = [];
    let isDown = true;
    const taskList = {
      index(documents) {
        payloads.push(documents.join(''));
        return documents.map((document) => {
          if (document === 'a') return 'plain';
          if (document === 'b' && isDown) return Promise.reject(new RangeError('b is too large'));
          return Promise.resolve();
        });
      },
    };
    await runOnce(options, taskList);
    isDown = false;
    await rightAway(utils, id);
    await runOnce(options, taskList);
    await utils.release();
    return payloads;
  },

  async continuous({ run }, options, span) {
    const { promise: chained, resolve } = Promise.withResolvers();
    const runner = await run({
      ...options,
      noHandleSignals: true,
      pollInterval: 100,
      taskList: {
        first: async (_, { addJob }) => {
          span('of first');
          await addJob('second', { after: 'first' });
        },
        second: async () => span('of second'),
      },
    });
    runner.events.on('job:complete', ({ job }) => job.task_identifier === 'second' && resolve());
    await runner.addJob('first', {});
    await chained;
    await runner.stop();
    return 'stopped';
  },

  /** The application's own emitter, shared by two workers, and a table nobody can write. */
  async shared({ runOnce, makeWorkerUtils }, options) {
    const { EventEmitter } = require('node:events');
    const events = new EventEmitter();
    const told = [];
    events.on('job:success', ({ job }) => told.push(job.task_identifier));
    const utils = await makeWorkerUtils({ ...options, events });
    const taskList = Object.freeze({ frozen: async () => {} });
    for (let time = 0; time < 2; time++) {
      await utils.addJob('frozen', {});
      await runOnce({ ...options, events }, taskList);
    }
    await utils.release();
    return told;
  },

  async forced({ runTaskList, makeWorkerUtils }, options, _span, pg) {
    const pool = new pg.Pool({ connectionString: options.connectionString });
    for (const event of ['error', 'connect']) pool.on(event, () => {});
    const utils = await makeWorkerUtils({ ...options, pgPool: pool, connectionString: undefined });
    await utils.addJob('hangs', {});
    const { EventEmitter } = require('node:events');
    const events = new EventEmitter();
    const workers = runTaskList(
      { ...options, events, noHandleSignals: true },
      { hangs: () => new Promise(() => {}) },
      pool,
    );
    await once(events, 'job:start');
    await workers.forcefulShutdown('deadline of the deployment').catch(() => {});
    await workers.promise.catch(() => {});
    await utils.release();
    await pool.end();
    return 'shut down';
  },

  /** Does what others enqueued. */
  async drain({ runOnce }, options) {
    const done = [];
    const taskList = {
      load: async ({ table }) => {
        done.push(table);
        if (table === 'orders') throw new Error('duplicate key');
      },
    };
    await runOnce({ ...options, concurrency: 1 }, taskList);
    return done;
  },
};

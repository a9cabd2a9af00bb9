// Tasks as applications schedule them. Nothing here knows of Runledger.
const { once } = require('node:events');
const { setTimeout: delay } = require('node:timers/promises');

const EVERY_SECOND = '* * * * * *';
const QUIET = { info() {}, warn() {}, error() {}, debug() {} };

/** Has a task that is a file run once. Its process is ended by hand: `destroy` waits for it in vain now and then. */
async function runFile(cron, file, event, found) {
  const task = cron.createTask(EVERY_SECOND, file, { logger: QUIET });
  const told = new Promise((resolve) => task.on(event, resolve));
  await task.start();
  const result = found(await told);
  const ended = once(task.forkProcess, 'exit');
  task.forkProcess.kill();
  await ended;
  return result;
}

/** Each is given node-cron and what notes the active span; returns what it found. */
exports.scenarios = {
  async due(cron, span) {
    const { promise, resolve } = Promise.withResolvers();
    const task = cron.schedule(
      EVERY_SECOND,
      async function sweep({ date, execution }) {
        span('of sweep');
        resolve([date instanceof Date, execution.reason]);
      },
      { logger: QUIET },
    );
    const found = await promise;
    await delay(10);
    await task.destroy();
    return found;
  },

  async invoked(cron) {
    const task = cron.createTask('0 3 * * *', ({ execution }) => execution.reason, { logger: QUIET });
    return task.execute();
  },

  async failed(cron) {
    const boom = new RangeError('disk full');
    const task = cron.createTask('30 4 * * *', () => Promise.reject(boom), { logger: QUIET });
    return task.execute().catch((error) => error === boom);
  },

  async file(cron) {
    return runFile(cron, './backup-task.cjs', 'execution:finished', ({ execution }) => execution.result);
  },

  async brokenFile(cron) {
    return runFile(cron, './broken-task.cjs', 'execution:failed', ({ execution }) => execution.error.message);
  },

  /** A run that would overlap the one before, and, every other second, one nobody had the time for. */
  async refused(cron) {
    const told = [];
    const logger = { ...QUIET, warn: (text) => told.push(/missed|still running/.exec(text)[0]) };
    const { promise, resolve } = Promise.withResolvers();
    const slow = cron.schedule(EVERY_SECOND, () => promise, { name: 'slow', noOverlap: true, logger });
    await new Promise((done) => slow.on('execution:overlap', done));
    resolve();
    await slow.destroy();
    const busy = cron.schedule(EVERY_SECOND, () => {}, { name: 'busy', logger });
    const { promise: ran, resolve: afterwards } = Promise.withResolvers();
    busy.on('execution:finished', afterwards);
    const until = Date.now() + 3_200;
    while (Date.now() < until);
    await ran;
    await busy.destroy();
    return [...new Set(told)];
  },

  async elected(cron) {
    const runCoordinator = { shouldRun: async () => false };
    const options = { name: 'elected', distributed: true, runCoordinator, logger: QUIET };
    const task = cron.schedule(EVERY_SECOND, () => {}, options);
    const reason = await new Promise((done) => task.on('execution:skipped', (event) => done(event.reason)));
    await task.destroy();
    return reason;
  },
};

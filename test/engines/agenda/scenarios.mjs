// Jobs as applications define them. Nothing here knows of Runledger.
import { setTimeout as delay } from 'node:timers/promises';

/** What an event is emitted with; `once` of Node.js would reject when there is an error meanwhile. */
const told = (agenda, event) => new Promise((resolve) => agenda.once(event, (...all) => resolve(all)));

/** Each is given a started agenda, the module, and what notes the active span; returns what it found. */
export const scenarios = {
  async work(agenda, _module, span) {
    agenda.define('mail', async ({ attrs }) => {
      span('of mail');
      await delay(1);
      return attrs.data.to;
    });
    const complete = told(agenda, 'complete:mail');
    const job = await agenda.now('mail', { to: 'ada' });
    await complete;
    return [job.attrs.name, agenda.definitions.mail.fn.length];
  },

  async callback(agenda) {
    agenda.define('report', (_job, done) => {
      setTimeout(() => done(new RangeError('no rows')), 1);
    });
    const failed = told(agenda, 'fail:report');
    const complete = told(agenda, 'complete:report');
    await agenda.now('report', {});
    const [error] = await failed;
    await complete;
    return error.message;
  },

  async retry(agenda, { constant }) {
    let calls = 0;
    const work = async () => {
      if (++calls < 3) throw new RangeError(`try ${calls}`);
    };
    agenda.define('import', work, { backoff: constant({ delay: 10, maxRetries: 5 }) });
    const { promise, resolve } = Promise.withResolvers();
    agenda.on('complete:import', () => calls === 3 && resolve());
    await agenda.now('import', {});
    await promise;
    return calls;
  },

  async exhausted(agenda, { constant }) {
    const work = () => Promise.reject(Object.assign(new TypeError('card declined'), { code: 'E402' }));
    agenda.define('charge', work, { backoff: constant({ delay: 10, maxRetries: 1 }) });
    const exhausted = told(agenda, 'retry exhausted:charge');
    await agenda.now('charge', {});
    const [error, job] = await exhausted;
    await told(agenda, 'complete:charge');
    return [error.message, job.attrs.failCount];
  },

  /** The lock expires while the function still runs: another worker, here the same one, may take the job again. */
  async expired(agenda) {
    let calls = 0;
    agenda.define('slow', () => (++calls === 1 ? delay(1_000) : undefined), { lockLifetime: 100 });
    const error = new Promise((resolve) => agenda.on('error', resolve));
    await agenda.now('slow', {});
    const { message } = await error;
    return message.slice(0, 60);
  },

  async byHand(agenda) {
    const found = [];
    agenda.define('sweep', async () => found.push('swept'));
    const job = agenda.create('sweep', {});
    job.schedule(new Date(Date.now() + 3_600_000));
    await job.save();
    await job.run();
    return found;
  },
};

// Task runners as applications set them up. Nothing here knows of Runledger.
const { Readable } = require('node:stream');
const { setTimeout: delay } = require('node:timers/promises');

/** Runs what was composed, and says how it ended. */
const ended = (composed) =>
  new Promise((resolve) => {
    composed((error, results) => resolve(error ? `failed: ${messages(error)}` : `ok: ${results?.length}`));
  });
const messages = (error) => (Array.isArray(error) ? error.map(messages).join(' and ') : error.message);

/** A task runner, and the events it emitted. */
const runner = (Undertaker) => {
  const taker = new Undertaker();
  const events = [];
  for (const type of ['start', 'stop', 'error']) {
    taker.on(type, ({ name, branch, error }) => events.push(`${type} ${name} ${branch} ${error?.message}`));
  }
  return { taker, events };
};

/** Each is given undertaker, bach and what makes a span of the application's own, and returns what it found. */
exports.scenarios = {
  async tree({ Undertaker, span }) {
    const { taker, events } = runner(Undertaker);
    taker.task('clean', (done) => {
      span('of clean');
      done();
    });
    taker.task('css', () => delay(2).then(() => span('of css')));
    taker.task('js', () => {
      const stream = Readable.from(['a', 'b']);
      stream.on('data', () => span('of js'));
      return stream;
    });
    taker.task('build', taker.series('clean', taker.parallel('css', 'js')));
    const lint = async () => span('of lint');
    const before = Date.now();
    const outcome = await ended(
      taker.series(
        'build',
        taker.parallel(lint, async () => {}),
      ),
    );
    const ranLately = taker.lastRun('clean') >= before && taker.lastRun(lint) >= before;
    return [outcome, JSON.stringify(taker.tree({ deep: true })), ranLately, ...events].join('; ');
  },

  async failure({ Undertaker }) {
    const { taker, events } = runner(Undertaker);
    const boom = new TypeError('no such symbol');
    taker.task('compile', async () => {});
    taker.task('link', () => {
      throw boom;
    });
    taker.task('bundle', taker.series('compile', 'link'));
    taker.task('never', async () => {});
    const error = await new Promise((resolve) => taker.series('bundle', 'never')(resolve));
    return [error === boom, ...events].join('; ');
  },

  async siblings({ Undertaker }) {
    const { taker } = runner(Undertaker);
    const late = Promise.withResolvers();
    taker.task('quick', () => Promise.reject(new RangeError('too quick')));
    taker.task('slow', () => late.promise);
    const outcome = await ended(taker.parallel('quick', 'slow'));
    late.resolve();
    await delay(5);
    return outcome;
  },

  async settle({ Undertaker }) {
    const { taker, events } = runner(Undertaker);
    taker._settle = true;
    const fail = (name) => Object.assign(() => Promise.reject(new Error(name)), { displayName: name });
    const both = taker.parallel(fail('first'), fail('second'));
    taker.task('fine', async () => {});
    return [await ended(taker.series('fine', both, fail('third'), 'fine')), ...events].join('; ');
  },

  async stream({ Undertaker }) {
    const { taker } = runner(Undertaker);
    taker.task('unpack', () => {
      const stream = new Readable({ read: () => stream.destroy(new Error('disk full')) });
      return stream;
    });
    return ended(taker.series('unpack'));
  },

  async twice({ Undertaker, span }) {
    const { taker } = runner(Undertaker);
    let calls = 0;
    const same = async () => {
      const call = ++calls;
      await delay(5 - call);
      span(`of call ${call}`);
    };
    const composed = taker.parallel(same, same);
    return (await Promise.all([ended(composed), ended(composed)])).join(', ');
  },

  async onward({ Undertaker, span }) {
    const { taker } = runner(Undertaker);
    const first = taker.series(function one(done) {
      done();
    });
    const second = taker.series(async function two() {});
    const outcome = await new Promise((resolve) => {
      first(() => {
        span('after one');
        second((error) => resolve(String(error)));
      });
    });
    return outcome;
  },

  /** As a task that watches files: what it starts later is no part of it. */
  async later({ Undertaker }) {
    const { taker } = runner(Undertaker);
    const rebuild = taker.parallel(async function rebuilt() {});
    return ended(
      taker.series(async function watch() {
        await delay(2);
        await ended(rebuild);
      }),
    );
  },

  async bare({ bach }) {
    const kept = [];
    const extensions = {
      create: (fn, key) => ({ fn: fn.name, key }),
      before: (storage) => kept.push(`before ${storage.fn} ${storage.key}`),
      after: (result, storage) => kept.push(`after ${storage.fn} ${result}`),
      error: (error, storage) => kept.push(`error ${storage.fn} ${error.message}`),
    };
    const plain = bach.series(
      async function load() {
        return 1;
      },
      [async function save() {}],
    );
    const fail = () => Promise.reject(new Error('refused'));
    const extended = bach.parallel(
      plain,
      Object.assign(fail, { displayName: '\u001b[31msend\u001b[39m\nmail' }),
      extensions,
    );
    let refusal = '';
    try {
      bach.series('no function');
      bach.series();
    } catch (error) {
      refusal = error.message;
    }
    return [plain.name, plain.length, await ended(extended), refusal, ...kept].join('; ');
  },

  /** Ends the process from inside a run, as the command line of gulp does when a task failed. */
  async cut({ Undertaker }) {
    const { taker } = runner(Undertaker);
    taker.task('breaks', () => delay(2).then(() => Promise.reject(new Error('broken'))));
    taker.task('hangs', () => delay(60_000));
    taker.parallel('breaks', 'hangs')(() => process.exit(1));
    await delay(60_000);
  },
};

// Lists of tasks as applications write them. Nothing here knows of Runledger.
const { setTimeout: delay } = require('node:timers/promises');

/** Each is given listr2 and what makes a span of the application's own, and returns what it found. */
exports.scenarios = {
  async tree({ Listr }, span) {
    const list = new Listr(
      [
        { title: 'Prepare', task: () => span('of prepare') },
        {
          title: 'Build',
          task: (_, task) =>
            task.newListr(
              [
                { title: 'Compile', task: () => delay(2).then(() => span('of compile')) },
                { title: 'Link', task: () => span('of link') },
              ],
              { concurrent: true },
            ),
        },
        { title: 'Publish', enabled: false, task: () => {} },
        { title: 'Sign', skip: 'no key', task: () => {} },
        { title: 'Notify', task: (_, task) => task.skip('nobody listens') },
      ],
      { renderer: 'silent' },
    );
    return (await list.run({ target: 'x64' })).target;
  },

  async retry({ Listr }) {
    let tries = 0;
    const flaky = async () => {
      if (++tries < 3) throw new RangeError(`try ${tries}`);
    };
    await new Listr([{ title: 'Download', retry: 3, task: flaky }], { renderer: 'silent' }).run();
    return tries;
  },

  async exhausted({ Listr }) {
    const fail = () => Promise.reject(new RangeError('no route'));
    const list = new Listr([{ title: 'Download', retry: { tries: 1, delay: 1 }, task: fail }], {
      renderer: 'silent',
    });
    return list.run().catch((error) => error.message);
  },

  async failure({ Listr }) {
    const boom = new TypeError('no such symbol');
    const list = new Listr(
      [
        {
          title: 'Build',
          task: (_, task) =>
            task.newListr([
              { title: 'Compile', task: () => {} },
              {
                title: 'Link',
                task: () => {
                  throw boom;
                },
              },
            ]),
        },
        { title: 'Never', task: () => {} },
      ],
      { renderer: 'silent' },
    );
    return list.run().then(
      () => false,
      (error) => error === boom,
    );
  },

  async goOn({ Listr }) {
    const list = new Listr(
      [
        { title: 'Lint', task: () => Promise.reject(new Error('3 problems')) },
        { title: 'Test', task: () => {} },
      ],
      { renderer: 'silent', exitOnError: false, collectErrors: 'minimal' },
    );
    await list.run();
    return list.errors.map(({ error }) => error.message);
  },

  async rollback({ Listr }, span) {
    const list = new Listr(
      [
        {
          title: 'Deploy',
          task: () => Promise.reject(new Error('host is down')),
          rollback: () => delay(1).then(() => span('of rollback')),
        },
      ],
      { renderer: 'silent' },
    );
    return list.run().catch((error) => error.message);
  },

  async concurrent({ Listr }, span) {
    const tasks = ['A', 'B', 'C', 'D'].map((title, index) => ({
      title,
      task: async () => {
        await delay(8 - 2 * index);
        span(`of ${title}`);
      },
    }));
    await new Listr(tasks, { renderer: 'silent', concurrent: 2 }).run();
    return 'ran';
  },

  async stream({ Listr }) {
    const { Readable } = require('node:stream');
    const broken = () =>
      new Readable({
        read() {
          this.destroy(new Error('disk full'));
        },
      });
    const list = new Listr(
      [
        { title: 'Read', task: () => Readable.from(['line']) },
        { title: 'Unpack', task: broken },
      ],
      { renderer: 'silent' },
    );
    return list.run().catch((error) => error.message);
  },

  /** A list that is no subtask of the one whose task returns it, and one that is run by hand. */
  async foreign({ Listr }) {
    const inner = (title) => new Listr([{ title, task: () => {} }], { renderer: 'silent' });
    const list = new Listr(
      [
        { title: 'Returned', task: () => inner('Inner') },
        { title: 'By hand', task: (_, task) => task.newListr([{ title: 'Own', task: () => {} }]).run() },
      ],
      { renderer: 'silent' },
    );
    await list.run();
    await list.run();
    return 'ran twice';
  },

  async interrupted({ Listr }) {
    const list = new Listr([{ title: 'Wait', task: () => delay(60_000) }], { renderer: 'silent' });
    setTimeout(() => process.kill(process.pid, 'SIGINT'), 20);
    await list.run();
  },

  async titles({ Listr }) {
    await new Listr(
      [{ title: '\u001b[32mgreen\u001b[39m\nsecond line', task: () => {} }, { task: () => {} }],
      { renderer: 'silent' },
    ).run();
    return 'ran';
  },
};

// Functions as applications write them. Nothing here knows of Runledger.
const { setTimeout: delay } = require('node:timers/promises');

const QUIET = { info() {}, warn() {}, error() {}, debug() {} };
const trigger = { event: 'test/run' };

/** A client with its functions, given Inngest and what makes a span of the application's own. */
exports.application = ({ Inngest, NonRetriableError }, span = () => {}) => {
  const client = new Inngest({ id: 'shop', isDev: true, logger: QUIET });
  let calls = 0;
  const functions = [
    client.createFunction({ id: 'tree', triggers: trigger }, async ({ event, step }) => {
      const rows = await step.run('extract', async () => {
        span('of extract');
        return event.data.rows;
      });
      await step.sleep('pause', '1s');
      const both = await Promise.all([
        step.run('left', () => delay(4).then(() => span('of left'))),
        step.run({ id: 'right', name: 'Right side' }, () => span('of right')),
      ]);
      await step.run('load', () => {});
      return rows + both.length;
    }),
    client.createFunction({ id: 'retry', triggers: trigger }, ({ step }) =>
      step.run('flaky', () => {
        if (++calls % 2 === 1) throw new RangeError('not yet');
        return 'done';
      }),
    ),
    client.createFunction({ id: 'failure', triggers: trigger }, async ({ step }) => {
      await step.run('extract', () => {});
      await step.run('transform', () => {
        throw new TypeError('no such column');
      });
      await step.run('never', () => {});
    }),
    client.createFunction({ id: 'refused', triggers: trigger }, ({ step }) =>
      step.run('check', () => {
        throw new NonRetriableError('no such customer');
      }),
    ),
    client.createFunction({ id: 'recovered', triggers: trigger }, async ({ step }) => {
      await step.run('send', () => Promise.reject(new Error('mailbox full'))).catch(() => {});
      await step.run('note', () => {});
      return 'noted';
    }),
    client.createFunction({ id: 'body', triggers: trigger }, async ({ step }) => {
      await step.run('prepare', () => {});
      if (++calls % 2 === 1) throw new Error('outside of steps');
      return 'second time';
    }),
    client.createFunction({ id: 'plain', triggers: trigger }, async () => 'no steps'),
  ];
  return { client, functions };
};

/** Each run, its input, and how often each part of it may be tried. */
exports.SCENARIOS = {
  tree: { data: { rows: 40 } },
  retry: {},
  failure: { maxAttempts: 2 },
  refused: {},
  recovered: { maxAttempts: 1 },
  body: {},
  plain: {},
};

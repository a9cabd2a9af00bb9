// Workflows as applications define them. Nothing here knows of Runledger.
const { setTimeout: delay } = require('node:timers/promises');

const step = (invoke, compensate = async () => {}) => ({ invoke, compensate });
const fails = (error) => step(() => Promise.reject(error));

/** Each is given the orchestration and what makes a span of the application's own, and returns what it found. */
exports.scenarios = {
  async tree(medusa, span) {
    return run(
      medusa,
      'tree',
      { action: 'extract', next: [{ action: 'left' }, { action: 'right', next: { action: 'archive' } }] },
      {
        extract: step(async () => span('of extract')),
        left: step(() => delay(4).then(() => span('of left'))),
        right: step(async () => span('of right')),
        archive: step(async () => new medusa.SkipStepResponse('nothing to archive')),
      },
    );
  },

  async retry(medusa) {
    let calls = 0;
    return run(
      medusa,
      'retry',
      { action: 'flaky', maxRetries: 2 },
      {
        flaky: step(async () => {
          if (++calls < 2) throw new RangeError('not yet');
        }),
      },
    );
  },

  async failure(medusa, span) {
    const done = [];
    const outcome = await run(
      medusa,
      'failure',
      { action: 'reserve', next: { action: 'charge', next: { action: 'ship' } } },
      {
        reserve: step(
          async () => {},
          async () => {
            span('of rollback');
            done.push('released');
          },
        ),
        charge: fails(new TypeError('card refused')),
        ship: step(async () => {}),
      },
    );
    return `${outcome} ${done}`;
  },

  async inner(medusa) {
    define(medusa, 'inner', { action: 'unpack' }, { unpack: fails(new TypeError('not a zip file')) });
    return run(
      medusa,
      'outer',
      { action: 'prepare', noCompensation: true },
      {
        prepare: step(async () => {
          const transaction = await new medusa.LocalWorkflow('inner').run('inner-1', {});
          throw new Error('preparing failed', { cause: transaction.getErrors()[0].error });
        }),
      },
    );
  },

  async cancelled(medusa) {
    define(medusa, 'cancelled', { action: 'reserve' }, { reserve: step(async () => {}) });
    const workflow = new medusa.LocalWorkflow('cancelled');
    const transaction = await workflow.run('cancelled-1', {});
    const before = transaction.getFlow().state;
    await workflow.cancel(transaction);
    return `${before} ${transaction.getFlow().state}`;
  },

  /** A step that is done when somebody says so; the transaction is gone on with then. */
  async waiting(medusa) {
    const asked = Promise.withResolvers();
    define(
      medusa,
      'waiting',
      { action: 'ask', async: true, next: { action: 'act' } },
      {
        ask: step(async () => asked.resolve()),
        act: fails(new RangeError('too late')),
      },
    );
    const workflow = new medusa.LocalWorkflow('waiting');
    const transaction = await workflow.run('waiting-1', {});
    await asked.promise;
    const before = transaction.getFlow().state;
    const after = await workflow.registerStepSuccess('waiting:waiting-1:ask:invoke', 'yes');
    return `${before} ${after.getFlow().state}`;
  },

  /** The hook for steps has one place, which the application fills itself. */
  async hooked(medusa) {
    const { TransactionOrchestrator } = medusa;
    const seen = [];
    const before = TransactionOrchestrator.traceStep;
    TransactionOrchestrator.traceStep = async (handler, { action, attempts }) => {
      seen.push(`${action} ${attempts}`);
      return handler();
    };
    const outcome = await run(medusa, 'hooked', { action: 'work' }, { work: step(async () => {}) });
    TransactionOrchestrator.traceStep = before;
    return `${outcome} ${seen}`;
  },
};

function define({ WorkflowManager }, name, flow, handlers) {
  WorkflowManager.register(name, flow, new Map(Object.entries(handlers)));
}

async function run(medusa, name, flow, handlers) {
  define(medusa, name, flow, handlers);
  const transaction = await new medusa.LocalWorkflow(name).run(`${name}-1`, { rows: 40 });
  const errors = transaction.getErrors().map(({ action, error }) => `${action} ${error.message}`);
  return [transaction.getFlow().state, ...errors].join(', ');
}

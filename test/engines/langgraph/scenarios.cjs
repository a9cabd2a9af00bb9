// Graphs as applications write them. Nothing here knows of Runledger.
const { setTimeout: delay } = require('node:timers/promises');
const { fileSaver } = require('./file-saver.cjs');

/**
 * Each is given the application's engine: LangGraph, what it uses of LangChain, and what makes a span of the
 * application's own. It returns what it found.
 */
exports.scenarios = {
  async tree({ StateGraph, START, END }, { span }) {
    const inner = new StateGraph(channels('done'))
      .addNode('parse', () => adding(span('of parse'), 'parse'))
      .addNode('clean', async () => {
        await delay(2);
        return adding(span('of clean'), 'clean');
      })
      .addEdge(START, 'parse')
      .addEdge('parse', 'clean')
      .addEdge('clean', END)
      .compile();
    const graph = new StateGraph(channels('done'))
      .addNode('extract', () => adding(span('of extract'), 'extract'))
      .addNode('transform', inner)
      .addNode('load', () => adding(span('of load'), 'load'))
      .addNode('report', async () => adding(await inner.invoke({ done: [] }), 'report'))
      .addEdge(START, 'extract')
      .addEdge('extract', 'transform')
      .addEdge('transform', 'load')
      .addEdge('load', 'report')
      .addEdge('report', END)
      .compile({ name: 'etl' });
    const { done } = await graph.invoke({ done: [] });
    return done.length;
  },

  async retry({ StateGraph, START }) {
    let tries = 0;
    const flaky = () => {
      if (++tries < 3) throw new RangeError(`try ${tries}`);
      return { done: ['download'] };
    };
    const graph = new StateGraph(channels('done'))
      .addNode('download', flaky, { retryPolicy: PATIENT })
      .addEdge(START, 'download')
      .compile({ name: 'retry' });
    return (await graph.invoke({ done: [] })).done.join();
  },

  async exhausted({ StateGraph, START }) {
    const fail = () => {
      throw new RangeError('no route');
    };
    const graph = new StateGraph(channels('done'))
      .addNode('download', fail, { retryPolicy: { ...PATIENT, maxAttempts: 2 } })
      .addEdge(START, 'download')
      .compile({ name: 'exhausted' });
    return graph.invoke({ done: [] }).catch(({ name, message }) => `${name} ${message}`);
  },

  async failure({ StateGraph, START }) {
    const boom = new TypeError('no such column');
    const inner = new StateGraph(channels('done'))
      .addNode('parse', () => ({ done: ['parse'] }))
      .addNode('join', () => {
        throw boom;
      })
      .addEdge(START, 'parse')
      .addEdge('parse', 'join')
      .compile();
    const graph = new StateGraph(channels('done'))
      .addNode('transform', inner)
      .addNode('load', () => ({ done: ['load'] }))
      .addEdge(START, 'transform')
      .addEdge('transform', 'load')
      .compile({ name: 'failure' });
    return graph.invoke({ done: [] }).catch((error) => error === boom);
  },

  async send({ StateGraph, START, Send }, { span }) {
    const graph = new StateGraph(channels('done'))
      .addNode('split', () => ({ done: ['split'] }))
      .addNode('page', async ({ page }) => {
        await delay(3 - page);
        return adding(span(`of page ${page}`), page);
      })
      .addEdge(START, 'split')
      .addConditionalEdges('split', () => [1, 2, 3].map((page) => new Send('page', { page })))
      .compile({ name: 'send' });
    return (await graph.invoke({ done: [] })).done.length;
  },

  async tokens({ StateGraph, START }, { createModel, span }) {
    const model = createModel([
      { text: 'a plan', input_tokens: 11, output_tokens: 7, input_token_details: { cache_read: 4 } },
      { text: 'more', input_tokens: 5, output_tokens: 2 },
      { text: 'streamed', input_tokens: 3, output_tokens: 1 },
    ]);
    const graph = new StateGraph(channels('done'))
      .addNode('plan', async () => {
        const answers = [await model.invoke('what now?'), await model.invoke('and then?')];
        return { done: answers.map(({ content }) => content) };
      })
      .addNode('say', async () => {
        for await (const _ of await model.stream('say it')) span('of say');
        return { done: ['said'] };
      })
      .addEdge(START, 'plan')
      .addEdge('plan', 'say')
      .compile({ name: 'tokens' });
    return (await graph.invoke({ done: [] })).done.join();
  },

  /** Waits for an hour by the clock, in a nested graph after a failed attempt, and for two in the next node. */
  async approval({ StateGraph, START, MemorySaver, Command, interrupt }, { span }) {
    let failures = 0;
    const review = () => {
      span('of review');
      if (failures++ < 1) throw new Error('no connection');
      return { done: [interrupt({ question: 'ship it?' })] };
    };
    const inner = new StateGraph(channels('done'))
      .addNode('review', review, { retryPolicy: PATIENT })
      .addEdge(START, 'review')
      .compile();
    const graph = new StateGraph(channels('done'))
      .addNode('draft', () => ({ done: ['draft'] }))
      .addNode('approve', inner)
      .addNode('publish', () => adding(span('of publish'), interrupt('when?')))
      .addEdge(START, 'draft')
      .addEdge('draft', 'approve')
      .addEdge('approve', 'publish')
      .compile({ name: 'approval', checkpointer: new MemorySaver() });
    const config = { configurable: { thread_id: 'order-17' } };
    await graph.invoke({ done: [] }, config);
    const { next } = await graph.getState(config);
    const { now } = Date;
    Date.now = () => now() + HOUR;
    await graph.invoke(new Command({ resume: 'yes' }), config);
    Date.now = () => now() + 3 * HOUR;
    const { done } = await graph.invoke(new Command({ resume: 'tomorrow' }), config);
    Date.now = now;
    return `${next} ${done.at(-1)} ${(await graph.getState(config)).next.length}`;
  },

  async breakpoint({ StateGraph, START, MemorySaver }) {
    const graph = new StateGraph(channels('done'))
      .addNode('plan', () => ({ done: ['plan'] }))
      .addNode('act', () => ({ done: ['act'] }))
      .addEdge(START, 'plan')
      .addEdge('plan', 'act')
      .compile({ name: 'breakpoint', checkpointer: new MemorySaver(), interruptBefore: ['act'] });
    const config = { configurable: { thread_id: 'b' } };
    const before = await graph.invoke({ done: [] }, config);
    const after = await graph.invoke(null, config);
    return `${before.done} ${after.done}`;
  },

  /** A run fails, and its thread is gone on with. */
  async again({ StateGraph, START, MemorySaver }) {
    let tries = 0;
    const graph = new StateGraph(channels('done'))
      .addNode('fetch', () => {
        if (++tries === 1) throw new Error('connection reset');
        return { done: ['fetch'] };
      })
      .addEdge(START, 'fetch')
      .compile({ name: 'again', checkpointer: new MemorySaver() });
    const config = { configurable: { thread_id: 'a' } };
    const first = await graph.invoke({ done: [] }, config).catch(({ message }) => message);
    return `${first} ${(await graph.invoke(null, config)).done}`;
  },

  /** What waited is given up by new input on the same thread. */
  async superseded({ StateGraph, START, MemorySaver, interrupt }) {
    let isAsking = true;
    const graph = new StateGraph(channels('done'))
      .addNode('ask', () => ({ done: [isAsking ? interrupt('well?') : 'nothing'] }))
      .addEdge(START, 'ask')
      .compile({ name: 'superseded', checkpointer: new MemorySaver() });
    const config = { configurable: { thread_id: 's' } };
    await graph.invoke({ done: [] }, config);
    isAsking = false;
    return (await graph.invoke({ done: [] }, config)).done.join();
  },

  /** Stops for a deployment between two nodes, where the engine can; then goes on. */
  async drained({ StateGraph, START, MemorySaver, RunControl }) {
    if (RunControl === undefined) return 'not at all';
    const control = new RunControl();
    const graph = new StateGraph(channels('done'))
      .addNode('before', () => adding(control.requestDrain('deployment'), 'before'))
      .addNode('after', () => ({ done: ['after'] }))
      .addEdge(START, 'before')
      .addEdge('before', 'after')
      .compile({ name: 'drained', checkpointer: new MemorySaver() });
    const config = { configurable: { thread_id: 'd' } };
    const stopped = await graph.invoke({ done: [] }, { ...config, control }).catch(({ name }) => name);
    return `${stopped} ${(await graph.invoke(null, config)).done}`;
  },

  async functional({ entrypoint, task }, { span }) {
    let tries = 0;
    const fetchPage = task({ name: 'fetchPage', retry: PATIENT }, async (page) => {
      span(`of fetch ${page}`);
      if (page === 2 && ++tries === 1) throw new Error('connection reset');
      return `page ${page}`;
    });
    const both = task('both', async () => Promise.all([fetchPage(1), fetchPage(2)]));
    const workflow = entrypoint('workflow', async (suffix) => {
      span('of workflow');
      return [...(await both()), await fetchPage(3)].map((page) => page + suffix).join();
    });
    return workflow.invoke('!');
  },

  async left({ StateGraph, START }) {
    const graph = slow(StateGraph, START).compile({ name: 'left' });
    for await (const _ of await graph.stream({ done: [] }, { streamMode: 'updates' })) break;
    return 'left';
  },

  async aborted({ StateGraph, START }) {
    const controller = new AbortController();
    const graph = slow(StateGraph, START, () => controller.abort()).compile({ name: 'aborted' });
    return graph.invoke({ done: [] }, { signal: controller.signal }).catch(() => 'aborted');
  },

  async late({ StateGraph, START }) {
    const graph = slow(StateGraph, START).compile({ name: 'late' });
    return graph.invoke({ done: [] }, { signal: AbortSignal.timeout(300) }).catch(() => 'late');
  },

  /** Nodes with a limit of their own, where the engine has that: one obeys, one does not and is made up for. */
  async limited({ StateGraph, START, Command, NodeTimeoutError }) {
    if (NodeTimeoutError === undefined) return 'not at all';
    let tries = 0;
    let deafEnd;
    const obeying = async (_, { signal }) => {
      if (++tries === 1) await delay(10_000, undefined, { signal });
      return { done: ['obeying'] };
    };
    const deaf = () => {
      deafEnd = delay(400, { done: ['deaf'] });
      return deafEnd;
    };
    const madeUpFor = () => new Command({ update: { done: ['made up for'] }, goto: 'after' });
    const graph = new StateGraph(channels('done'))
      .addNode('obeying', obeying, { timeout: 100, retryPolicy: PATIENT })
      .addNode('deaf', deaf, { timeout: 100, errorHandler: madeUpFor })
      .addNode('after', async () => adding(await deafEnd, 'after'))
      .addEdge(START, 'obeying')
      .addEdge('obeying', 'deaf')
      .compile({ name: 'limited' });
    return (await graph.invoke({ done: [] })).done.join();
  },

  async endless({ StateGraph, START }) {
    const graph = new StateGraph(channels('done'))
      .addNode('turn', () => ({ done: ['turn'] }))
      .addEdge(START, 'turn')
      .addEdge('turn', 'turn')
      .compile({ name: 'endless' });
    return graph.invoke({ done: [] }, { recursionLimit: 3 }).catch(({ name }) => name);
  },

  /** The thread can not be loaded. */
  async lost({ StateGraph, START, MemorySaver }) {
    const checkpointer = new MemorySaver();
    checkpointer.getTuple = () => Promise.reject(new Error('database is down'));
    const graph = new StateGraph(channels('done'))
      .addNode('never', () => ({}))
      .addEdge(START, 'never')
      .compile({ name: 'lost', checkpointer });
    return graph.invoke({ done: [] }, { configurable: { thread_id: 'l' } }).catch(({ message }) => message);
  },

  async unnamed({ StateGraph, START }, { events }) {
    const graph = new StateGraph(channels('done'))
      .addNode('one', () => ({ done: [1] }))
      .addNode('two', () => ({ done: [2] }))
      .addEdge(START, 'one')
      .addEdge('one', 'two')
      .compile();
    const seen = [];
    const callbacks = [{ name: 'own', handleChainStart: (...args) => seen.push(args[7]) }];
    for await (const { event } of graph.streamEvents({ done: [] }, { version: 'v2', callbacks }))
      seen.push(event);
    await events();
    return seen.length;
  },

  /** In one process: asks, and ends. */
  async ask(engine) {
    const result = await fileApproval(engine).invoke({ done: [] }, ON_FILE);
    return result.done.join();
  },

  /** In another: goes on where the first one asked. */
  async answer(engine) {
    const { done } = await fileApproval(engine).invoke(new engine.Command({ resume: 'yes' }), ON_FILE);
    return done.join();
  },
};

const PATIENT = { maxAttempts: 3, initialInterval: 1, jitter: false, logWarning: false };
const HOUR = 3_600_000;
const ON_FILE = { configurable: { thread_id: 'on-file' } };

/** One channel of the state, to which nodes add. */
function channels(name) {
  return { channels: { [name]: { reducer: (before, more) => before.concat(more), default: () => [] } } };
}

/** What a node adds to the state, after something else was done. */
function adding(_, value) {
  return { done: [value] };
}

function slow(StateGraph, START, started = () => undefined) {
  return new StateGraph(channels('done'))
    .addNode('quick', () => ({ done: ['quick'] }))
    .addNode('slow', async (_, { signal }) => {
      started();
      await delay(1_000, undefined, { signal });
      return { done: ['slow'] };
    })
    .addEdge(START, 'quick')
    .addEdge('quick', 'slow');
}

/** Asks twice in a row; its threads are in a file. */
function fileApproval({ StateGraph, START, MemorySaver, interrupt }) {
  return new StateGraph(channels('done'))
    .addNode('draft', () => ({ done: ['draft'] }))
    .addNode('approve', () => ({ done: [interrupt('first?'), interrupt('second?')] }))
    .addNode('publish', () => ({ done: ['publish'] }))
    .addEdge(START, 'draft')
    .addEdge('draft', 'approve')
    .addEdge('approve', 'publish')
    .compile({ name: 'on file', checkpointer: fileSaver(MemorySaver, 'threads.bin') });
}

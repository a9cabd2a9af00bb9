// A program in which BullMQ does what one scenario of the conformance kit asks; `begin` and `ship` are the processes of
// the one that takes two.
import { FlowProducer, Queue, WaitingChildrenError, Worker } from 'bullmq';
import { conformanceScenario } from 'runledger/testing';

const [, , part] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { name, work } = conformanceScenario(id);
const units = Object.keys(work).filter((unit) => typeof work[unit] === 'function');
// Each scenario has a place of its own on the server.
const settings = {
  connection: { host: '127.0.0.1', port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null },
  prefix: id,
};
const queue = new Queue('units', settings);

/** Runs a worker until the jobs that are named have ended for good. `add` adds jobs, and is given the worker. */
async function workOff(names, add, processor, options) {
  const worker = new Worker('units', (job, token, signal) => processor(job, token, signal, worker), {
    ...settings,
    ...options,
  });
  const left = new Set(names);
  const ended = new Promise((resolve) => {
    const note = ({ name: job, finishedOn }) => {
      if (finishedOn !== undefined) left.delete(job);
      if (left.size === 0) resolve();
    };
    worker.on('completed', note);
    worker.on('failed', note);
  });
  await add(worker);
  await ended;
  await worker.close();
}

/** What a job of a unit does. */
const doUnit = (job, _token, signal) => work[job.name]?.(signal);

/** A job of a flow; its id is its name. */
const job = (unit, children, opts) => ({
  name: unit,
  queueName: 'units',
  opts: { jobId: unit, ...opts },
  ...(children !== undefined && { children }),
});

async function addFlow(root) {
  const flows = new FlowProducer(settings);
  await flows.add(root);
  await flows.close();
}

/** A flow, done by workers of this process; `meanwhile` is called once it is added. */
const runFlow = (root, names, meanwhile) =>
  workOff(
    names,
    async (worker) => {
      await addFlow(root);
      await meanwhile?.(worker);
    },
    doUnit,
    { concurrency: 2 },
  );

/**
 * A job that adds the jobs it is made of, one after the other, and waits for each: it fails with the first that fails.
 * One job is done at a time, so none of them starts before it waits. `parts` are their names, by that of their job.
 */
const runInTurn = (parts) =>
  workOff(
    [name],
    () => queue.add(name, {}, { jobId: name }),
    async (job, token) => {
      const names = parts[job.name];
      if (names === undefined) return doUnit(job);
      const { added = 0 } = job.data;
      if (added === names.length) return;
      await job.updateData({ added: added + 1 });
      await queue.add(
        names[added],
        {},
        {
          jobId: names[added],
          failParentOnFailure: true,
          parent: { id: job.id, queue: job.queueQualifiedName },
        },
      );
      await job.moveToWaitingChildren(token);
      throw new WaitingChildrenError();
    },
  );

const runUnit = (unit, opts, meanwhile) => runFlow(job(unit, undefined, opts), [unit], meanwhile);
/** Units at once, and a job that waits for them. */
const runAtOnce = (opts) =>
  runFlow(
    job(
      'gather',
      units.map((unit) => job(unit, undefined, opts)),
    ),
    ['gather', ...units],
  );

const PARTS = {
  success: () => runFlow(job('load', [job('extract')]), ['load']),
  inside: () => runAtOnce(),
  retry: () => runUnit('flaky', { attempts: 2 }),
  failure: () => runInTurn({ [name]: units }),
  exhausted: () => runUnit('flaky', { attempts: 2 }),
  parallel: () => runAtOnce({ failParentOnFailure: true }),
  cancel: () =>
    runUnit('sync', undefined, async (worker) => {
      await work.started;
      worker.cancelJob('sync');
    }),
  // What the job is about is not let through at first, and no longer needed the second time.
  reject: () => {
    let isLimited = true;
    return workOff(
      [name],
      () => queue.add(name, {}),
      async (_job, _token, _signal, worker) => {
        if (!isLimited) return;
        isLimited = false;
        await worker.rateLimit(1);
        throw Worker.RateLimitError();
      },
      { limiter: { max: 1, duration: 1 } },
    );
  },
  nested: () => runInTurn({ [name]: ['prepare'], prepare: units }),
  begin: () => addFlow(job('ship')),
  ship: () => workOff(['ship'], () => {}, doUnit),
  crash: () =>
    runUnit('sync', undefined, async () => {
      await work.started;
      process.stdout.write(`started ${process.pid}\n`);
    }),
};
await PARTS[part]();
await queue.close();

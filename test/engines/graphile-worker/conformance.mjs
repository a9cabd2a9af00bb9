// A program in which graphile-worker does what one scenario of the conformance kit asks; `begin` and `ship` are the
// processes of the one that takes two.
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { conformanceScenario } from 'runledger/testing';

const [, , part] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { work } = conformanceScenario(id);
const units = Object.keys(work).filter((unit) => typeof work[unit] === 'function');
const options = {
  connectionString: process.env.DATABASE_URL,
  // Each scenario has a place of its own on the server.
  schema: `conformance_${id.replace('-', '_')}`,
  logger: new Logger(() => () => {}),
};
/** The task of each unit; its work is handed the signal of graphile-worker. */
const tasks = Object.fromEntries(
  units.map((unit) => [unit, (_payload, { abortSignal }) => work[unit](abortSignal)]),
);

const utils = await makeWorkerUtils(options);
const add = async (names, maxAttempts = 1) => {
  for (const name of names) await utils.addJob(name, {}, { maxAttempts });
};

/** Runs workers until `count` attempts have ended; `more` are options of theirs. */
async function workOff(count, { taskList = tasks, meanwhile, ...more } = {}) {
  const runner = await run({ ...options, noHandleSignals: true, pollInterval: 50, taskList, ...more });
  let left = count;
  const ended = new Promise((resolve) => {
    runner.events.on('job:complete', ({ job, error }) => {
      if (--left === 0) resolve();
      // Without the back-off, once the worker has let go of it.
      else if (error && job.attempts < job.max_attempts) void rightAway(job.id);
    });
  });
  await meanwhile?.(runner);
  await ended;
  await runner.stop().catch(() => {});
}

async function rightAway(jobId) {
  while ((await utils.rescheduleJobs([jobId], { runAt: new Date(0) })).length === 0);
}

async function runJobs(names, count, more) {
  await add(names, more?.maxAttempts);
  await workOff(count, more);
}

/** Each job adds the next one. */
const CHAINED = Object.fromEntries(
  units.map((unit, index) => {
    const next = units[index + 1];
    const task = async (_payload, { addJob }) => {
      await work[unit]();
      if (next !== undefined) await addJob(next, {}, { maxAttempts: 1 });
    };
    return [unit, task];
  }),
);

const PARTS = {
  success: () => runJobs(units, 2),
  inside: () => runJobs(units, 2, { concurrency: 2 }),
  retry: () => runJobs(units, 2, { maxAttempts: 2 }),
  failure: () => runJobs(['extract'], 2, { taskList: CHAINED }),
  exhausted: () => runJobs(units, 2, { maxAttempts: 2 }),
  parallel: () => runJobs(units, 2, { concurrency: 2 }),
  cancel: () =>
    runJobs(units, 1, {
      preset: { worker: { gracefulShutdownAbortTimeout: 10 } },
      meanwhile: async (runner) => {
        await work.started;
        void runner.stop().catch(() => {});
      },
    }),
  begin: () => add(['ship']),
  ship: () => workOff(1),
  crash: () =>
    runJobs(units, 1, {
      meanwhile: async () => {
        await work.started;
        process.stdout.write(`started ${process.pid}\n`);
      },
    }),
};
await PARTS[part]();
await utils.release();

// A program in which node-cron does what one scenario of the conformance kit asks; `begin` and `ship` are the processes
// of the one that takes two.
import { once } from 'node:events';
import { createTask } from 'node-cron';
import { conformanceScenario } from 'runledger/testing';

const [, , part] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { work } = conformanceScenario(id);
const units = Object.keys(work).filter((unit) => typeof work[unit] === 'function');
const logger = { info() {}, warn() {}, error() {}, debug() {} };
const YEARLY = '0 0 1 1 *';
const EVERY_SECOND = '* * * * * *';

/** A task of a unit, which is handed arguments that are no concern of it. */
const taskOf = (unit, expression = YEARLY, options = {}) =>
  createTask(expression, () => work[unit]?.(), { name: unit, logger, ...options });
const execute = (unit) => taskOf(unit).execute();

async function oneByOne() {
  for (const unit of units) await execute(unit);
}

/** Resolves once a task has told of an event; it is over with that. */
const endOf = (task, event) => new Promise((resolve) => task.once(event, () => resolve(task.destroy())));

const PARTS = {
  success: oneByOne,
  inside: () => Promise.all(units.map(execute)),
  failure: oneByOne,
  parallel: () => Promise.allSettled(units.map(execute)),
  // Another instance is to do it.
  skip: async () => {
    const runCoordinator = { shouldRun: () => false };
    const task = taskOf('archive', EVERY_SECOND, { distributed: true, runCoordinator });
    await task.start();
    await endOf(task, 'execution:skipped');
    await oneByOne();
  },
  // Nobody has the time for it when it is due, once a minute.
  reject: async () => {
    const second = (new Date().getSeconds() + 2) % 60;
    const task = taskOf('sync', `${second} * * * * *`, { missedExecutionTolerance: 0 });
    await task.start();
    const free = task.getNextRun().getTime() + 1_100;
    while (Date.now() < free);
    await endOf(task, 'execution:missed');
  },
  begin: async () => {
    const task = createTask(YEARLY, './ship-task.mjs', { name: 'ship', logger });
    await task.start();
    await task.execute();
    const ended = once(task.forkProcess, 'exit');
    task.forkProcess.kill();
    await ended;
  },
  // The other process is one of node-cron's own, which is over.
  ship: () => {},
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return execute('sync');
  },
};
await Promise.resolve(PARTS[part]()).catch(() => {});

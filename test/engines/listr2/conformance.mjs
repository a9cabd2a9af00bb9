// A program in which listr2 does what one scenario of the conformance kit asks.
import { Listr } from 'listr2';
import { conformanceScenario } from 'runledger/testing';

const { id, work } = conformanceScenario(process.argv[2]);
const options = { renderer: 'silent' };
/** The units of the scenario as tasks; listr2 hands a task arguments that are no concern of theirs. */
const tasks = Object.entries(work)
  .filter(([, run]) => typeof run === 'function')
  .map(([title, run]) => ({ title, task: () => run() }));
const run = (list, more) => new Listr(list, { ...options, ...more }).run();

const RUNS = {
  success: () => run(tasks),
  inside: () => run(tasks, { concurrent: true }),
  retry: () => run(tasks.map((task) => ({ ...task, retry: 1 }))),
  failure: () => run(tasks),
  exhausted: () => run(tasks.map((task) => ({ ...task, retry: 1 }))),
  // The list is over with the first failure; the other task is not.
  parallel: async () => {
    const ends = [];
    const watched = tasks.map(({ title, task }) => ({
      title,
      task: () => {
        const end = task();
        ends.push(end);
        return end;
      },
    }));
    await run(watched, { concurrent: true }).catch(() => {});
    await Promise.allSettled(ends);
  },
  skip: () => run([{ title: 'archive', skip: 'nothing to archive', task: () => {} }, ...tasks]),
  cancel: async () => {
    const end = run(tasks);
    await work.started;
    process.kill(process.pid, 'SIGINT');
    await end;
  },
  nested: () => run([{ title: 'prepare', task: (_, task) => task.newListr(tasks) }]),
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return run(tasks);
  },
};
await RUNS[id]().catch(() => {});

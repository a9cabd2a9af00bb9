// A program in which agenda does what one scenario of the conformance kit asks; `begin` and `ship` are the processes of the
// one that takes two.
import { PostgresBackend } from '@agendajs/postgres-backend';
import { Agenda, constant } from 'agenda';
import { conformanceScenario } from 'runledger/testing';

const [, , part] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { work } = conformanceScenario(id);
const units = Object.keys(work).filter((unit) => typeof work[unit] === 'function');
// Each scenario has a table of its own on the server, and so has a copy of this program beside it.
const place = import.meta.url.includes('/dependency/') ? '_dependency' : '';
const tableName = `conformance_${id.replace('-', '_')}${place}`;
const backend = new PostgresBackend({
  connectionString: process.env.DATABASE_URL,
  tableName,
  channelName: tableName,
  logTableName: `${tableName}_log`,
});
// It looks for jobs, and half as often for locks that expired: whose job it would take again.
const agenda = new Agenda({ backend, processEvery: id === 'timeout' ? 1_000 : 20 });
const TWICE = { backoff: constant({ delay: 1, maxRetries: 1 }) };

/** The job of each unit; what it does last is `then`. */
const define = (options, then = async () => {}) => {
  for (const [index, unit] of units.entries()) {
    const run = async () => {
      await work[unit]();
      await then(units[index + 1]);
    };
    agenda.define(unit, run, options);
  }
};
const enqueue = async (names = units) => {
  for (const name of names) await agenda.now(name, {});
};
/** Works until so many runs of jobs have ended. */
const workOff = (count) =>
  new Promise((resolve) => {
    let left = count;
    agenda.on('complete', () => --left === 0 && resolve());
    void agenda.start();
  });
const run = async (count, options) => {
  define(options);
  await enqueue();
  await workOff(count);
};
/** Each job adds the next one. */
const oneByOne = async (count) => {
  define({}, (next) => next !== undefined && agenda.now(next, {}));
  await enqueue(units.slice(0, 1));
  await workOff(count);
};

const PARTS = {
  success: () => oneByOne(2),
  inside: () => run(2),
  retry: () => run(2, TWICE),
  failure: () => oneByOne(2),
  exhausted: () => run(2, TWICE),
  parallel: () => run(2),
  cancel: async () => {
    agenda.define('sync', async (job) => {
      void work.started.then(() => job.cancel(new Error('not needed any more')));
      await work.sync();
    });
    await enqueue();
    void agenda.start();
    await work.started;
  },
  timeout: async () => {
    define({ lockLifetime: 400 });
    const expired = new Promise((resolve) => agenda.once('error', resolve));
    await enqueue();
    void agenda.start();
    await expired;
  },
  begin: () => enqueue(['ship']),
  ship: async () => {
    define();
    await workOff(1);
  },
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return run(1);
  },
};
await agenda.ready;
await PARTS[part]();
// It looks for expired locks for minutes after the last job.
process.exit();

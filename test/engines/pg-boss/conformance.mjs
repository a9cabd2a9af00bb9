// A program in which pg-boss does what one scenario of the conformance kit asks; `begin` and `ship` are the processes of
// the one that takes two.
import { setTimeout as delay } from 'node:timers/promises';
import { PgBoss } from 'pg-boss';
import { conformanceScenario } from 'runledger/testing';

const [, , part, sent] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { work } = conformanceScenario(id);
const units = Object.keys(work).filter((unit) => typeof work[unit] === 'function');

const boss = new PgBoss({
  connectionString: process.env.DATABASE_URL,
  // Each scenario has a place of its own on the server.
  schema: `boss_${id.replace('-', '_')}`,
  supervise: false,
  schedule: false,
});
boss.on('error', () => {});
await boss.start();
const isAtOnce = id === 'inside' || id === 'parallel';
// In a flow some job waits for others: where none of the units does, one that is none of them.
const queues = isAtOnce || units.length === 1 ? [...units, 'gather'] : units;
for (const queue of queues) await boss.createQueue(queue);

/** Sends the units as a flow. Resolves to the id of each. */
const send = (options) =>
  boss.flow(
    queues.map((queue, index) => ({
      ref: queue,
      name: queue,
      options: { retryLimit: 0, retryDelay: 0, ...options },
      ...(queue === 'gather'
        ? { dependsOn: units }
        : index > 0 && !isAtOnce && { dependsOn: [queues[index - 1]] }),
    })),
  );

/** Works until these jobs have ended for good. The work of each unit is handed the signal of pg-boss. */
async function workOff(ids, names = queues, settings = {}) {
  for (const queue of queues) {
    const often = { pollingIntervalSeconds: 0.5, includeMetadata: true, ...settings };
    await boss.work(queue, often, ([job]) => work[queue]?.(job.signal));
  }
  for (const name of names) {
    while (!['completed', 'failed', 'cancelled'].includes((await boss.getJobById(name, ids[name])).state)) {
      await delay(20);
      // Lets jobs go whose others are done, as the engine does now and then.
      await boss.resolveFlow();
    }
  }
}

const runFlow = async (options, names, settings) => workOff(await send(options), names, settings);

const PARTS = {
  success: () => runFlow(),
  inside: () => runFlow(),
  retry: () => runFlow({ retryLimit: 1 }),
  failure: () => runFlow({}, ['load']),
  exhausted: () => runFlow({ retryLimit: 1 }, units),
  parallel: () => runFlow({}, units),
  // Its worker finds out by a heartbeat.
  cancel: async () => {
    const ids = await send({ heartbeatSeconds: 10 });
    void work.started.then(() => boss.cancel('sync', ids.sync));
    await workOff(ids, units, { heartbeatRefreshSeconds: 0.1 });
  },
  timeout: () => runFlow({ expireInSeconds: 1 }, units),
  reject: async () => {
    await boss.sendThrottled('sync', {}, {}, 86_400);
    await boss.sendThrottled('sync', {}, {}, 86_400);
  },
  begin: async () => process.stdout.write(JSON.stringify(await send())),
  ship: () => workOff(JSON.parse(sent)),
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return runFlow();
  },
};
await PARTS[part]();
await boss.stop({ timeout: 1_000 });

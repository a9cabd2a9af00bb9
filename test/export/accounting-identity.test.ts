import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { failure, stepRecord } from '../support/execution-records.ts';
import { unaccounted } from '../support/record-accounts.ts';
import {
  codedError,
  never,
  ScriptedRecordStore,
  type StoreScript,
} from '../support/scripted-record-store.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** The ways a store can be, each for every call. */
const SCRIPTS: Readonly<Record<string, StoreScript>> = {
  healthy: {},
  slow: { write: () => new Promise((resolve) => setTimeout(resolve, 400)) },
  unreachable: { write: () => Promise.reject(codedError('ECONNREFUSED')) },
  misconfigured: { init: () => Promise.reject(codedError('EACCES')) },
  strange: {
    write: () => Promise.reject(new Error('strange')),
    quarantine: () => Promise.reject(new Error('no')),
  },
  choosy: {
    write: async (records) => {
      if (records.some(({ name }) => name === 'poison')) throw codedError('ERR_INVALID_ARG_VALUE');
    },
  },
  stubborn: {
    write: async (records) => {
      if (records.some(({ name }) => name === 'poison')) throw new Error('strange');
    },
    quarantine: () => Promise.reject(new Error('no')),
  },
  hanging: { init: never, write: never, quarantine: never, close: never },
};

interface World {
  readonly store: ScriptedRecordStore;
  readonly exporter: BatchRecordExporter;
  /** What was promised and has to be kept. */
  readonly promises: Promise<unknown>[];
  created: number;
  /** Records exported with one and the same id. */
  revisions: number;
}

type Command = readonly [name: string, run: (world: World) => void | Promise<void>];

function exporting(name: string, make: () => ReturnType<typeof stepRecord>): fc.Arbitrary<Command> {
  return fc.integer({ min: 1, max: 30 }).map((count) => [
    `${count} ${name}`,
    (world) => {
      for (let index = 0; index < count; index++) world.exporter.export(make());
      world.created += count;
      if (name === 'revised') world.revisions += count;
    },
  ]);
}

const command: fc.Arbitrary<Command> = fc.oneof(
  exporting('ok', () => stepRecord()),
  exporting('failed', () => stepRecord(failure())),
  exporting('poison', () => stepRecord({ name: 'poison' })),
  exporting('revised', () => stepRecord({ recordId: 'always the same', rev: 1 })),
  fc.constant<Command>([
    'sampled out',
    (world) => {
      world.exporter.sampledOut(3);
      world.created += 3;
    },
  ]),
  fc.constantFrom(...Object.keys(SCRIPTS)).map<Command>((name) => [
    `store is ${name}`,
    ({ store }) => {
      store.script = SCRIPTS[name] ?? {};
    },
  ]),
  fc.integer({ min: 0, max: 3_000 }).map<Command>((millis) => [
    `${millis} ms`,
    async () => {
      await jest.advanceTimersByTimeAsync(millis);
    },
  ]),
  fc.constant<Command>(['flush', ({ exporter, promises }) => void promises.push(exporter.forceFlush())]),
  fc.constant<Command>(['ready', ({ exporter, promises }) => void promises.push(exporter.ready())]),
);

const shutdown: Command = ['shutdown', ({ exporter, promises }) => void promises.push(exporter.shutdown())];

const commands = fc
  .array(fc.oneof({ weight: 24, arbitrary: command }, { weight: 1, arbitrary: fc.constant(shutdown) }), {
    maxLength: 30,
  })
  .map((list) => ({ list, toString: () => list.map(([name]) => name).join(', ') }));

describe('created = stored + queued + sampled out + quarantined + dropped', () => {
  it('after every export, flush, shutdown and failure of the store, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async ({ list }) => {
        const store = new ScriptedRecordStore();
        const exporter = new BatchRecordExporter(store, {
          maxQueueSize: 60,
          maxExportBatchSize: 8,
          maxBacklogBatchSize: 32,
          exportTimeoutMillis: 1_000,
          shutdownTimeoutMillis: 2_000,
          retry: { maxDelayMillis: 500 },
        });
        // Also in the middle of a delivery, each time it calls the store.
        const inDelivery: number[] = [];
        exporter.onStoreWrite(() => inDelivery.push(unaccounted(exporter.accounts())));
        const world: World = { store, exporter, promises: [], created: 0, revisions: 0 };
        for (const [, run] of list) {
          await run(world);
          expect(unaccounted(exporter.accounts())).toBe(0);
        }
        world.promises.push(exporter.shutdown());
        await jest.advanceTimersByTimeAsync(10_000);
        await Promise.all(world.promises);
        const accounts = exporter.accounts();
        expect(unaccounted(accounts)).toBe(0);
        expect(accounts).toMatchObject({ created: world.created, queued: 0, queuedBytes: 0 });
        expect(inDelivery.every((difference) => difference === 0)).toBe(true);
        // A row for each record counted as stored; revisions of one record share one.
        expect(store.rows.size).toBeGreaterThanOrEqual(accounts.stored - world.revisions);
        expect(store.quarantined.size).toBeGreaterThanOrEqual(accounts.quarantined - world.revisions);
      }),
      { numRuns: 300 },
    );
  });
});

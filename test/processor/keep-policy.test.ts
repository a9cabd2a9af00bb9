import { describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { ATTR_KEEP, ATTR_PARENT_RECORD_ID, ATTR_RUN_ID, ATTR_STATE } from '../../src/semconv.ts';
import { TracedLedger } from '../support/traced-executions.ts';

const START_MS = Date.UTC(2026, 10, 20, 3);

/** Numbers from 0 to 1, the same for a seed on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function never(): number {
  throw new Error('the generator was asked');
}

/** A run of `steps` steps, of which one may fail; `failsRun` says whether the run fails with it. */
function run(ledger: TracedLedger, steps: number, failing?: number, failsRun = true): void {
  const pipeline = ledger.pipeline();
  const error = new Error('connection refused');
  for (let index = 0; index < steps; index++) {
    const step = pipeline.step(`step-${index}`);
    if (index === failing) step.fail(error);
    else step.end();
  }
  if (failing === undefined || !failsRun) pipeline.end();
  else pipeline.fail(error);
}

function keptAs(records: readonly ExecutionRecord[]) {
  return records.map(({ name, keepReason, sampleRate }) => [name, keepReason, sampleRate]);
}

describe('the keep policy', () => {
  it('keeps everything by default, at once, without asking the generator', () => {
    const ledger = new TracedLedger({ keep: { rng: never } });
    const pipeline = ledger.pipeline();
    pipeline.step('load').end();
    expect(ledger.records).toHaveLength(1);
    pipeline.end();

    expect(keptAs(ledger.records)).toEqual([
      ['load', 'all', 1],
      ['nightly-orders', 'all', 1],
    ]);
  });

  it.each([
    ['throws', never],
    ['says no number', () => Number.NaN],
    ['says nothing', () => undefined as never],
  ])('draws by run id where the generator %s, and loses no record', (_, rng) => {
    const [broken, plain] = [{ rate: 0.5, rng }, { rate: 0.5 }].map((keep) => {
      const ledger = new TracedLedger({ keep });
      for (let index = 0; index < 50; index++) {
        const pipeline = ledger.pipeline('nightly-orders', { [ATTR_RUN_ID]: `run-${index}` });
        pipeline.step(`load-${index}`).end();
        pipeline.end();
      }
      return ledger;
    });

    expect(keptAs(broken?.records ?? [])).toEqual(keptAs(plain?.records ?? []));
    expect(broken?.exporter.accounts().created).toBe(100);
  });

  it('keeps the row of a run and lets its steps go, counted, at rate 0', () => {
    const ledger = new TracedLedger({ keep: { rate: 0, rng: never } });
    run(ledger, 3);

    expect(keptAs(ledger.records)).toEqual([['nightly-orders', 'run', 1]]);
    expect(ledger.exporter.accounts()).toMatchObject({ created: 4, stored: 1, sampledOut: 3 });
  });

  it('keeps what is drawn strictly below the rate, with the rate as its probability', () => {
    const draws = [0.25, 0.2499];
    const ledger = new TracedLedger({ keep: { rate: 0.25, rng: () => draws.shift() ?? Number.NaN } });
    run(ledger, 1);
    run(ledger, 1);

    expect(keptAs(ledger.records)).toEqual([
      ['nightly-orders', 'run', 1],
      ['nightly-orders', 'sampled', 1],
      ['step-0', 'sampled', 0.25],
    ]);
    expect(draws).toEqual([]);
  });

  it('keeps a run with a failure whole, also one that got over it, without a draw', () => {
    for (const failsRun of [true, false]) {
      const ledger = new TracedLedger({ keep: { rate: 0.5, rng: never } });
      run(ledger, 3, 1, failsRun);

      expect(keptAs(ledger.records)).toEqual([
        ['step-0', 'failure', 1],
        ['step-1', 'failure', 1],
        ['step-2', 'failure', 1],
        ['nightly-orders', 'failure', 1],
      ]);
    }
  });

  it('keeps a slow run whole', () => {
    const ledger = new TracedLedger({ keep: { rate: 0, slowMs: 1_000 } });
    for (const durationMs of [1_000, 1_001]) {
      const pipeline = ledger.pipeline('nightly-orders', {}, START_MS);
      pipeline.step('load', {}, START_MS).end({ endTime: START_MS + 1 });
      pipeline.end({ endTime: START_MS + durationMs });
    }

    expect(keptAs(ledger.records)).toEqual([
      ['nightly-orders', 'run', 1],
      ['load', 'slow', 1],
      ['nightly-orders', 'slow', 1],
    ]);
  });

  it('keeps a forced run whole, whoever in it says so', () => {
    const ledger = new TracedLedger({ keep: { rate: 0 } });
    const pipeline = ledger.pipeline();
    pipeline.step('before').end();
    pipeline.step('says-so').end({ attributes: { [ATTR_KEEP]: true } });
    pipeline.step('after').end();
    pipeline.end();

    expect(ledger.records.map(({ keepReason }) => keepReason)).toEqual(Array(4).fill('forced'));
  });

  it('draws by run id, so that all processes of a run agree', () => {
    const kept = [1, 2].map(() => {
      const ledger = new TracedLedger({ keep: { rate: 0.3 } });
      for (let index = 0; index < 300; index++) {
        ledger.step('load', { [ATTR_RUN_ID]: `run-${index}`, [ATTR_PARENT_RECORD_ID]: 'elsewhere' }).end();
      }
      return ledger.records.map(({ runId }) => runId);
    });

    expect(kept[0]).toEqual(kept[1]);
    expect(kept[0]?.length).toBeGreaterThan(60);
    expect(kept[0]?.length).toBeLessThan(120);
  });

  it('treats a child that ends after its run as the run was treated', () => {
    const draws = [0.9, 0.1];
    const ledger = new TracedLedger({ keep: { rate: 0.5, rng: () => draws.shift() ?? Number.NaN } });
    for (const name of ['let-go', 'kept']) {
      const pipeline = ledger.pipeline();
      const late = pipeline.step(name);
      pipeline.end();
      late.end();
    }

    expect(keptAs(ledger.records)).toEqual([
      ['nightly-orders', 'run', 1],
      ['nightly-orders', 'sampled', 1],
      ['kept', 'sampled', 0.5],
    ]);
  });

  it('keeps a late failure of a run whose steps were let go', () => {
    const ledger = new TracedLedger({ keep: { rate: 0 } });
    const pipeline = ledger.pipeline();
    const late = pipeline.step('late');
    pipeline.end();
    late.fail(new Error('boom'));

    expect(keptAs(ledger.records)).toEqual([
      ['nightly-orders', 'run', 1],
      ['late', 'failure', 1],
    ]);
  });

  it('gives weights by which the error rate of steps is the true one', () => {
    const random = seeded(20_261_120);
    const ledger = new TracedLedger({ keep: { rate: 0.05, rng: seeded(7) } });
    let steps = 0;
    let failures = 0;
    for (let index = 0; index < 10_000; index++) {
      const failing = random() < 0.04 ? Math.floor(random() * 4) : undefined;
      run(ledger, 4, failing, random() < 0.5);
      steps += 4;
      if (failing !== undefined) failures++;
    }

    const kept = ledger.records.filter(({ kind }) => kind === 'step');
    const weight = (records: readonly ExecutionRecord[]) =>
      records.reduce((sum, { sampleRate }) => sum + 1 / sampleRate, 0);
    const failed = kept.filter(({ outcome }) => outcome === 'failure');
    const weightedRate = weight(failed) / weight(kept);
    expect(failed).toHaveLength(failures);
    expect(failed.length / kept.length).toBeGreaterThan(0.05);
    expect(weightedRate / (failures / steps)).toBeGreaterThan(0.9);
    expect(weightedRate / (failures / steps)).toBeLessThan(1.1);
    expect(weight(kept) / steps).toBeGreaterThan(0.9);
    expect(weight(kept) / steps).toBeLessThan(1.1);
    expect(ledger.exporter.accounts().created).toBe(steps + 10_000);
  });

  it('decides at once, by one draw and with its rate, what one run holds beyond its bound', () => {
    const ledger = new TracedLedger({ keep: { rate: 0.5, rng: () => 0.1, maxHeldPerRun: 2 } });
    run(ledger, 5, 4);

    expect(keptAs(ledger.records)).toEqual([
      ['step-2', 'sampled', 0.5],
      ['step-3', 'sampled', 0.5],
      ['step-0', 'failure', 1],
      ['step-1', 'failure', 1],
      ['step-4', 'failure', 1],
      ['nightly-orders', 'failure', 1],
    ]);
  });

  it('settles the runs that never end, oldest first, when too much is held', () => {
    const ledger = new TracedLedger({ keep: { rate: 0.5, rng: () => 0.9, maxHeld: 16 } });
    const runs = Array.from({ length: 40 }, (_, index) => ledger.pipeline(`run-${index}`));
    for (const pipeline of runs) pipeline.step('load').end();
    const { held, decidedEarly } = ledger.processor.heldRecords();
    expect(held).toBeLessThanOrEqual(16);
    expect(held + decidedEarly).toBe(40);
    const newest = runs.at(-1);
    newest?.fail(new Error('boom'));

    expect(ledger.exporter.accounts().sampledOut).toBeGreaterThanOrEqual(24);
    expect(keptAs(ledger.records)).toEqual([
      ['load', 'failure', 1],
      ['run-39', 'failure', 1],
    ]);
  });

  it('decides what it holds of a run that is put out of the table of live executions', () => {
    const ledger = new TracedLedger({ keep: { rate: 0.5, rng: () => 0.1 }, maxLiveExecutions: 2 });
    ledger.pipeline('evicted').step('load').end();
    ledger.pipeline('other');
    expect(ledger.records).toEqual([]);
    ledger.pipeline('another');

    expect(keptAs(ledger.records)).toEqual([['load', 'sampled', 0.5]]);
    expect(ledger.processor.heldRecords().held).toBe(0);
  });

  it('decides what it holds when it is shut down, and holds nothing afterwards', async () => {
    const ledger = new TracedLedger({ keep: { rate: 0.5, rng: () => 0.1 } });
    const pipeline = ledger.pipeline();
    pipeline.step('before').end();
    await ledger.processor.shutdown();
    ledger.pipeline().step('after').end();

    expect(keptAs(ledger.records)).toEqual([
      ['before', 'sampled', 0.5],
      ['after', 'sampled', 0.5],
    ]);
  });

  it('keeps the row of a suspended run, and decides its steps without waiting for a resume elsewhere', () => {
    const ledger = new TracedLedger({ keep: { rate: 0.5, rng: () => 0.1 } });
    const pipeline = ledger.pipeline();
    pipeline.step('load').end();
    pipeline.end({ attributes: { [ATTR_STATE]: 'suspended' } });

    expect(keptAs(ledger.records)).toEqual([
      ['nightly-orders', 'run', 1],
      ['load', 'sampled', 0.5],
    ]);
  });

  it.each([
    [{ rate: 1.5 }, 'keep.rate must be from 0 to 1, not 1.5'],
    [{ rate: Number.NaN }, 'keep.rate must be from 0 to 1, not NaN'],
    [{ slowMs: -1 }, 'keep.slowMs must not be negative: -1'],
    [{ maxHeld: 0.5 }, 'keep.maxHeld must be a whole number from 0, not 0.5'],
  ])('refuses %j', (keep, message) => {
    expect(() => new TracedLedger({ keep })).toThrow(message);
  });
});

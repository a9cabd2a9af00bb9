/**
 * Feeds the ledger whatever JavaScript can hold: names, ids, attributes, errors, inputs. Says what reached the application,
 * what was not stored, and whether a prototype changed.
 */
import { createHash } from 'node:crypto';
import { NodeSDK } from '@opentelemetry/sdk-node';
import fc from 'fast-check';
import { createRunledger, runPipeline, withRunledger } from 'runledger';
import { hostileErrors, hostileValues } from '../hostile-values.ts';
import type { WriterPlan, WriterReport } from './plan.ts';
import { tell } from './work.ts';

/** What came of hostile values, beside the accounts. */
export interface HostileReport extends WriterReport {
  readonly thrown: readonly string[];
  readonly prototypesChanged: readonly string[];
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { store, directory, durability, runs } = JSON.parse(process.env.CHAOS_PLAN ?? '') as WriterPlan;
  process.env.RUNLEDGER_DURABILITY = durability;
  const ledger = createRunledger({ store, directory, retention: false, captureInput: true });
  const sdk = new NodeSDK(
    withRunledger({ serviceName: 'chaos', autoDetectResources: false, spanProcessors: [] }, ledger),
  );
  sdk.start();
  const before = prototypes();
  const thrown = new Set<string>();
  const sample = fc.tuple(
    hostileValues,
    hostileValues,
    hostileErrors,
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  const seed = Number(process.env.CHAOS_SEED);
  const CHUNK = 1_000;
  for (let done = 0; done < runs; done += CHUNK) {
    const values = fc.sample(sample, { seed: seed + done, numRuns: Math.min(CHUNK, runs - done) });
    for (const [index, [value, more, error, text]] of values.entries()) {
      attempt(`h:${done + index}`, value(), more(), error(), text, thrown);
    }
    await ledger.ready();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const changed = prototypes().filter((state, index) => state !== before[index]);
  await ledger.forceFlush();
  const shutdown = await ledger.shutdown();
  await sdk.shutdown();
  const report: HostileReport = {
    type: 'closed',
    accounts: ledger.accounts(),
    shutdown,
    thrown: [...thrown].slice(0, 10),
    prototypesChanged: changed,
  };
  tell(report);
}

/** One execution with hostile values everywhere. What it throws has to be the very error its own code threw. */
function attempt(
  id: string,
  value: unknown,
  more: unknown,
  error: unknown,
  text: string,
  thrown: Set<string>,
): void {
  const given = value as string;
  try {
    runPipeline(
      text,
      {
        correlationId: id,
        tenant: given,
        input: value,
        attempt: value as number,
        attributes: { [text]: given, __proto__: given, constructor: more as string },
        source: more as string,
      },
      (run) => {
        run.add({ rowsIn: value as number, output: more, attributes: more as Record<string, string> });
        run.checkpoint(given);
        run.step(text, { waitMs: value as number, target: given, correlationId: id }, (step) => {
          step.add({ workUnits: more as number, costUsd: value as number });
          throw error;
        });
      },
    );
    thrown.add('an error of the application was swallowed');
  } catch (caught) {
    if (!Object.is(caught, error))
      thrown.add(caught instanceof Error ? String(caught.stack).slice(0, 600) : typeof caught);
  }
}

/** The shape of what everybody shares. */
function prototypes(): readonly string[] {
  return [Object, Array, Function, String, Number, Error, Map, Set, Promise].map(({ prototype }) =>
    createHash('sha256').update(Reflect.ownKeys(prototype).map(String).join()).digest('hex'),
  );
}

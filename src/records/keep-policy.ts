import { isFailed } from '../execution.ts';
import type { ExecutionRecord, KeepReason } from './execution-record.ts';

/**
 * Which records are kept. Runs with a failure, slow runs and forced ones are kept whole, and so is the row of every
 * run; of all other runs, `rate` of them keep the rows of their steps and processes.
 *
 * Every record carries the probability it was kept with as its `sampleRate`, so `1 / sampleRate` counts what it
 * stands for, and sums and error rates weighted by it are true whatever the rate:
 * `sum(failed / sample_rate) / sum(1 / sample_rate)`.
 */
export interface KeepPolicyOptions {
  /** Share of the runs without a failure that keep the rows of their steps and processes, 0 to 1. @default 1 */
  readonly rate?: number;
  /** A run that takes longer than this many milliseconds is kept whole. @default Infinity */
  readonly slowMs?: number;
  /**
   * Draws a number from 0 to 1; what is below `rate` is kept. Called once a run, not for those that are kept anyway,
   * and not at a rate of 0 or 1. By default, and where it throws, it is a hash of the run id, so all processes of a
   * run agree.
   */
  readonly rng?: () => number;
  /** Records of one run that are held until it ends. @default 1000 */
  readonly maxHeldPerRun?: number;
  /** Records of all runs that are held. @default 10000 */
  readonly maxHeld?: number;
}

/** A {@link KeepPolicyOptions} with every field. */
export interface KeepPolicy {
  readonly rate: number;
  readonly slowMs: number;
  readonly rng: (() => number) | undefined;
  readonly maxHeldPerRun: number;
  readonly maxHeld: number;
}

/** Completes and checks the options of a keep policy. Throws a RangeError for what can not work. */
export function resolveKeepPolicy(options: KeepPolicyOptions = {}): KeepPolicy {
  const policy = {
    rate: options.rate ?? 1,
    slowMs: options.slowMs ?? Number.POSITIVE_INFINITY,
    rng: options.rng,
    maxHeldPerRun: options.maxHeldPerRun ?? 1_000,
    maxHeld: options.maxHeld ?? 10_000,
  };
  if (!(policy.rate >= 0 && policy.rate <= 1)) {
    throw new RangeError(`keep.rate must be from 0 to 1, not ${String(policy.rate)}`);
  }
  if (!(policy.slowMs >= 0))
    throw new RangeError(`keep.slowMs must not be negative: ${String(policy.slowMs)}`);
  for (const name of ['maxHeldPerRun', 'maxHeld'] as const) {
    const value = policy[name];
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`keep.${name} must be a whole number from 0, not ${String(value)}`);
    }
  }
  return policy;
}

/** Whether a record by itself is a reason to keep its run whole. */
export function reasonToKeepRun(record: ExecutionRecord, isForced: boolean): KeepReason | undefined {
  if (record.outcome !== undefined && isFailed(record.outcome)) return 'failure';
  return isForced ? 'forced' : undefined;
}

/** Draws whether a run without a reason to be kept whole keeps its steps and processes. */
export function isDrawn(policy: KeepPolicy, runId: string): boolean {
  if (policy.rate <= 0) return false;
  if (policy.rate >= 1) return true;
  return draw(policy.rng, runId) < policy.rate;
}

/** What the application's own source of chance says; one that throws, or says no number, gives way to the hash. */
function draw(rng: KeepPolicy['rng'], runId: string): number {
  try {
    const drawn: unknown = rng?.();
    if (typeof drawn === 'number' && !Number.isNaN(drawn)) return drawn;
  } catch {
    // A record must not be lost to the draw that decides about it.
  }
  return shareOf(runId);
}

/** A number from 0 up to 1 that is the same for a run id in every process. */
function shareOf(runId: string): number {
  const { hash } = process.getBuiltinModule('node:crypto');
  return Number.parseInt(hash('sha256', runId, 'hex').slice(0, 12), 16) / 2 ** 48;
}

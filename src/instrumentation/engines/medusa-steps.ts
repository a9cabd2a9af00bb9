import { context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';

/** What the hook for steps is told, as far as it is read. */
export interface TracedStep {
  readonly action: string;
  readonly type: string;
  /** Counted for each direction, from 1. */
  readonly attempts?: number | undefined;
}

export type TraceStep = (handler: () => Promise<unknown>, step: TracedStep) => Promise<unknown>;

/** With these the orchestrator tells itself to stop: the work did not fail. */
const STOPPED: ReadonlySet<unknown> = new Set([
  'SkipExecutionError',
  'SkipCancelledExecutionError',
  'SkipStepAlreadyFinishedError',
]);

/** The steps of transactions, each attempt and each compensation an execution. */
export class MedusaSteps {
  readonly #lifecycle: EngineLifecycle;

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  run({ action, type, attempts = 1 }: TracedStep, work: () => Promise<unknown>): Promise<unknown> {
    let step: Execution | undefined;
    neverThrow('a step of medusa', () => {
      const name = type === 'compensate' ? `${action} (rollback)` : action;
      step = this.#lifecycle.start('step', name, context.active(), { attempt: Math.max(1, attempts) });
    });
    if (step === undefined) return work();
    const execution = step;
    return execution.run(work).then(
      (result) => {
        neverThrow('the end of a step of medusa', () => settle(execution, result));
        return result;
      },
      (error: unknown) => {
        neverThrow('the failure of a step of medusa', () => fail(execution, error));
        throw error;
      },
    );
  }
}

/** A step skips itself by what it returns: an error that was made and not thrown. */
function settle(step: Execution, result: unknown): void {
  const { output = result } = (result ?? {}) as { readonly output?: unknown };
  const skipped = [output, result].find((each) => (each as Error | undefined)?.name === 'SkipStepResponse');
  if (skipped !== undefined) step.skip((skipped as Error).message || 'skipped');
  step.settleReturned();
}

function fail(step: Execution, error: unknown): void {
  if (STOPPED.has((error as Error | undefined)?.name)) step.end('cancellation', error);
  else step.fail(error);
  step.settleReturned();
}

import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { MedusaSteps, type TraceStep } from './medusa-steps.ts';
import { MedusaTransactions, type Transaction } from './medusa-transactions.ts';

/**
 * The part of the orchestrator that is used. Its static hook for steps is public; it has one for runs, too, which is not
 * told how they end.
 */
interface Orchestrator {
  readonly prototype: { executeNext: ExecuteNext };
  traceStep?: TraceStep | undefined;
}

type ExecuteNext = (this: unknown, transaction: Transaction) => Promise<unknown>;

/**
 * The workflows of Medusa: a transaction is a pipeline, what it invokes is a step, and so is what it compensates,
 * `<action> (rollback)`. Every stretch of a transaction passes through one method, `executeNext`.
 */
export const adapter: EngineAdapter = {
  name: 'medusa',
  recognises: (moduleExports) => orchestratorOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const orchestrator = orchestratorOf(moduleExports);
    if (orchestrator === undefined || !claimPrototype(orchestrator.prototype)) return;
    const transactions = new MedusaTransactions(lifecycle);
    const { executeNext } = orchestrator.prototype;
    orchestrator.prototype.executeNext = function (this: unknown, ...args) {
      return transactions.run(args[0], () => executeNext.apply(this, args));
    };
    shareStepHook(orchestrator, lifecycle);
  },
};

/** There is one place for a hook, and Medusa's own telemetry, or the application, may fill it before or after. */
function shareStepHook(orchestrator: Orchestrator, lifecycle: EngineLifecycle): void {
  const steps = new MedusaSteps(lifecycle);
  let other = orchestrator.traceStep;
  const both: TraceStep = (handler, step) =>
    steps.run(step, () => (other === undefined ? handler() : other.call(orchestrator, handler, step)));
  Object.defineProperty(orchestrator, 'traceStep', {
    configurable: true,
    enumerable: true,
    get: () => (lifecycle.isOn ? both : other),
    set(hook: TraceStep | undefined) {
      if (hook !== both) other = hook;
    },
  });
}

function orchestratorOf(moduleExports: unknown): Orchestrator | undefined {
  const orchestrator = exportOf(moduleExports, 'TransactionOrchestrator');
  if (typeof orchestrator !== 'function') return undefined;
  const { executeNext } = orchestrator.prototype as Partial<Orchestrator['prototype']>;
  return typeof executeNext === 'function' ? (orchestrator as unknown as Orchestrator) : undefined;
}

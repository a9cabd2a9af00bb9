import { context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { ATTR_FINAL } from '../../semconv.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { type InngestContext, type InngestFunction, InngestRun } from './inngest-run.ts';

/** What a hook is told, as far as it is read. */
interface HookArguments {
  readonly ctx: InngestContext;
  readonly fn: InngestFunction;
}

interface StepInfo {
  readonly hashedId: string;
  readonly options?: { readonly id?: unknown; readonly name?: unknown } | undefined;
  readonly input?: unknown;
}

interface StepArguments extends HookArguments {
  readonly stepInfo: StepInfo;
}

interface Failure {
  readonly error: unknown;
  readonly isFinalAttempt: boolean;
}

type Wrapped<Args> = (args: Args & { readonly next: () => Promise<unknown> }) => Promise<unknown>;

/** The hooks of one request. */
interface InngestMiddleware {
  readonly id: string;
  onRunStart(args: HookArguments): void;
  onRunComplete(args: HookArguments): void;
  onRunError(args: HookArguments & Failure): void;
  onStepStart(args: StepArguments): void;
  onStepComplete(args: StepArguments): void;
  onStepError(args: StepArguments & Failure): void;
  readonly wrapFunctionHandler: Wrapped<HookArguments>;
  readonly wrapStepHandler: Wrapped<StepArguments>;
}

export type MiddlewareClass = new () => InngestMiddleware;

/** The class a client is given: Inngest makes an instance for each request. */
export function middlewareClass(lifecycle: EngineLifecycle): MiddlewareClass {
  return class RunledgerMiddleware implements InngestMiddleware {
    readonly id = 'runledger';
    readonly #requestedAt = Date.now();
    readonly #steps = new Map<string, Execution>();

    onRunStart(args: HookArguments): void {
      this.#observe('the start of a run', () => runOf(args).begin());
    }

    onRunComplete(args: HookArguments): void {
      this.#observe('the end of a run', () => runOf(args).end().settleReturned());
    }

    onRunError({ error, isFinalAttempt, ...args }: HookArguments & Failure): void {
      this.#observe('the failure of a run', () => {
        const run = runOf(args);
        if (isFinalAttempt) run.end().settleThrown(error);
        else run.failAttempt(error, this.#requestedAt);
      });
    }

    /** Told of steps that are run now, never of those whose result is known already. */
    onStepStart({ stepInfo, ...args }: StepArguments): void {
      this.#observe('the start of a step', () => {
        this.#steps.set(stepInfo.hashedId, runOf(args).step(nameOf(stepInfo), stepInfo.input));
      });
    }

    onStepComplete({ stepInfo }: StepArguments): void {
      this.#observe('the end of a step', () => this.#taken(stepInfo)?.settleReturned());
    }

    onStepError({ stepInfo, error, isFinalAttempt }: StepArguments & Failure): void {
      this.#observe('the failure of a step', () => {
        const step = this.#taken(stepInfo);
        step?.add({ attributes: { [ATTR_FINAL]: isFinalAttempt } });
        step?.settleThrown(error);
      });
    }

    readonly wrapFunctionHandler: Wrapped<HookArguments> = ({ next, ...args }) => {
      let around = context.active();
      this.#observe('a function', () => {
        around = runOf(args).context;
      });
      return context.with(around, next);
    };

    readonly wrapStepHandler: Wrapped<StepArguments> = ({ next, stepInfo }) =>
      this.#steps.get(stepInfo.hashedId)?.run(next) ?? next();

    #taken({ hashedId }: StepInfo): Execution | undefined {
      const step = this.#steps.get(hashedId);
      this.#steps.delete(hashedId);
      return step;
    }

    #observe(what: string, work: () => void): void {
      if (lifecycle.isOn) neverThrow(`${what} of inngest`, work);
    }
  };

  function runOf({ ctx, fn }: HookArguments): InngestRun {
    return new InngestRun(lifecycle, ctx, fn);
  }
}

/** The name a person gave it, which says more than its id; both are stable over runs. */
function nameOf({ options, hashedId }: StepInfo): string {
  const { name, id } = options ?? {};
  return [name, id].find((each): each is string => typeof each === 'string' && each !== '') ?? hashedId;
}

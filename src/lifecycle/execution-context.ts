import { type Context, createContextKey, type Span } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY, type ActiveExecution } from '../execution.ts';

/** The key the API keeps the active span under; keys of equal description are one. */
const SPAN_KEY = createContextKey('OpenTelemetry Context Key SPAN');

/** An execution as its context sees it: the span is asked for at every look, since a resume replaces it. */
export interface ContextExecution extends ActiveExecution {
  readonly currentSpan: Span | undefined;
}

/**
 * The context in which an execution's code runs: what was there before, plus the execution and its span. It holds
 * two values over a base instead of copying the base's map twice (measured: a fifth of the cost), and after a
 * suspension code that still runs in it makes children of the new span. Below one another such contexts share
 * their base, so look-ups do not get longer with nesting.
 */
export class ExecutionContext implements Context {
  readonly #base: Context;
  readonly #execution: ContextExecution;

  constructor(parent: Context, execution: ContextExecution) {
    this.#base = parent instanceof ExecutionContext ? parent.#base : parent;
    this.#execution = execution;
  }

  getValue(key: symbol): unknown {
    if (key === ACTIVE_EXECUTION_KEY) return this.#execution;
    if (key === SPAN_KEY) return this.#execution.currentSpan ?? this.#base.getValue(SPAN_KEY);
    return this.#base.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    if (key !== SPAN_KEY) return this.#flat().setValue(key, value);
    return this.#base.setValue(ACTIVE_EXECUTION_KEY, this.#execution).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#flat().deleteValue(key);
  }

  #flat(): Context {
    const { currentSpan } = this.#execution;
    const base = currentSpan === undefined ? this.#base : this.#base.setValue(SPAN_KEY, currentSpan);
    return base.setValue(ACTIVE_EXECUTION_KEY, this.#execution);
  }
}

import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type TimeInput,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type Sampler, type SpanLimits, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { ACTIVE_EXECUTION_KEY, type ExecutionKind, leaveNotes, type Outcome } from '../../src/execution.ts';
import { ExecutionSpanProcessor } from '../../src/processor/execution-span-processor.ts';
import type { ExecutionSpanProcessorOptions } from '../../src/processor/execution-span-processor-options.ts';
import {
  ATTR_KIND,
  ATTR_OUTCOME,
  ATTR_PIPELINE_NAME,
  ATTR_PROCESS_NAME,
  ATTR_STEP_NAME,
} from '../../src/semconv.ts';
import { CollectingExporter } from './collecting-exporter.ts';

const NAME_ATTRIBUTE = {
  pipeline: ATTR_PIPELINE_NAME,
  process: ATTR_PROCESS_NAME,
  step: ATTR_STEP_NAME,
} as const;

/** How an execution ends. */
export interface Ending {
  readonly error?: unknown;
  readonly outcome?: Outcome;
  readonly attributes?: Attributes;
  readonly endTime?: TimeInput;
}

/** An execution made by hand: a span with the attributes the emitting half gives it, and the context below it. */
export class TracedExecution {
  readonly span: Span;
  readonly context: Context;
  readonly #tracer: Tracer;

  constructor(tracer: Tracer, span: Span, context: Context) {
    this.#tracer = tracer;
    this.span = span;
    this.context = context;
  }

  pipeline(name: string, attributes?: Attributes, startTime?: TimeInput): TracedExecution {
    return this.execution('pipeline', name, attributes, startTime);
  }

  process(name: string, attributes?: Attributes, startTime?: TimeInput): TracedExecution {
    return this.execution('process', name, attributes, startTime);
  }

  step(name: string, attributes?: Attributes, startTime?: TimeInput): TracedExecution {
    return this.execution('step', name, attributes, startTime);
  }

  execution(
    kind: ExecutionKind,
    name: string,
    attributes?: Attributes,
    startTime?: TimeInput,
  ): TracedExecution {
    return startExecution(this.#tracer, this.context, kind, name, attributes, startTime);
  }

  /** A span of another library, below which executions may start. `detached` loses our part of the context. */
  foreign(name = 'GET', detached = false): TracedExecution {
    const span = this.#tracer.startSpan(name, {}, this.context);
    return new TracedExecution(
      this.#tracer,
      span,
      trace.setSpan(detached ? ROOT_CONTEXT : this.context, span),
    );
  }

  end(ending: Ending = {}): void {
    if ('error' in ending) leaveNotes(this.span, { error: ending.error });
    if (ending.attributes !== undefined) this.span.setAttributes(ending.attributes);
    if (ending.outcome !== undefined) this.span.setAttribute(ATTR_OUTCOME, ending.outcome);
    this.span.end(ending.endTime);
  }

  /** Ends it as failed by this error. */
  fail(error: unknown): void {
    this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.end({ error, outcome: 'failure' });
  }

  /** Ends it as failed without an error. */
  failSilently(): void {
    this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.end({ outcome: 'failure' });
  }
}

/** A tracer provider with our processor, and what it recorded. */
export class TracedLedger {
  readonly exporter: CollectingExporter = new CollectingExporter();
  readonly processor: ExecutionSpanProcessor;
  readonly provider: TracerProvider;
  readonly tracer: Tracer;

  constructor(
    options: Partial<ExecutionSpanProcessorOptions> & {
      readonly sampler?: Sampler;
      readonly spanLimits?: SpanLimits;
      readonly others?: readonly SpanProcessor[];
    } = {},
  ) {
    const { sampler, spanLimits, others = [], ...processorOptions } = options;
    this.processor = new ExecutionSpanProcessor({ exporter: this.exporter, ...processorOptions });
    this.provider = new TracerProvider({
      spanProcessors: [this.processor, ...others],
      ...(sampler === undefined ? {} : { sampler }),
      ...(spanLimits === undefined ? {} : { spanLimits }),
    });
    this.tracer = this.provider.getTracer('runledger');
  }

  pipeline(name = 'nightly-orders', attributes?: Attributes, startTime?: TimeInput): TracedExecution {
    return startExecution(this.tracer, ROOT_CONTEXT, 'pipeline', name, attributes, startTime);
  }

  step(name: string, attributes?: Attributes, startTime?: TimeInput): TracedExecution {
    return startExecution(this.tracer, ROOT_CONTEXT, 'step', name, attributes, startTime);
  }

  get records(): CollectingExporter['records'] {
    return this.exporter.records;
  }

  recordOf(name: string): CollectingExporter['records'][number] {
    return this.exporter.recordOf(name);
  }
}

function startExecution(
  tracer: Tracer,
  parent: Context,
  kind: ExecutionKind,
  name: string,
  attributes: Attributes = {},
  startTime?: TimeInput,
): TracedExecution {
  const span = tracer.startSpan(
    `${kind} ${name}`,
    {
      attributes: { [ATTR_KIND]: kind, [NAME_ATTRIBUTE[kind]]: name, ...attributes },
      ...(startTime === undefined ? {} : { startTime }),
    },
    parent,
  );
  const active = { kind, name, runId: '', span };
  return new TracedExecution(
    tracer,
    span,
    trace.setSpan(parent, span).setValue(ACTIVE_EXECUTION_KEY, active),
  );
}

import {
  type Attributes,
  type Context,
  diag,
  type Link,
  type SpanKind,
  type TraceState,
} from '@opentelemetry/api';
import {
  problemOfRecognise,
  type RecogniseOptions,
  resolveRecognise,
} from '../recognisers/recognise-options.ts';
import { RuleSet } from '../recognisers/rule-set.ts';
import { ATTR_KIND } from '../semconv.ts';

/** What a sampler decides. Samplers of SDK 2.x and 3.x both return it. */
export interface SamplingVerdict {
  /** 0 drops the span, 1 records it without exporting it, 2 does both. */
  decision: number;
  attributes?: Readonly<Attributes>;
  traceState?: TraceState;
}

/** A sampler of SDK 2.x or 3.x. */
export interface SamplerShape {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingVerdict;
  toString(): string;
}

const NOT_RECORD = 0;
const RECORD_ONLY = 1;

/**
 * Wraps a sampler so that executions it drops are still recorded: the SDK never shows a dropped span to a span
 * processor, so without this the ledger would be as thin as the traces. What is exported does not change, nor does
 * the sampled flag that other services see. Spans that are no executions are left to the sampler alone.
 *
 * Of the spans other libraries make, those are recorded that a rule knows by what a sampler is told: the name and the
 * attributes a span starts with, and not its scope. `recognise` is the option of the same name of the span processor.
 *
 * Never throws while it samples: what a sampler that throws, or decides nothing, was asked about is not exported, and that is reported
 * once.
 */
export function recordExecutions<Sampler extends SamplerShape>(
  sampler: Sampler,
  recognise: boolean | RecogniseOptions = true,
): RecordSampler<Sampler> {
  const problem = problemOfRecognise(recognise);
  if (problem !== undefined) throw new TypeError(problem);
  const rules = new RuleSet(resolveRecognise(recognise).groups, () => false, report);
  let hasFailed = false;
  const verdictOf: SamplerShape['shouldSample'] = (...span) => {
    try {
      const verdict = sampler.shouldSample(...span);
      if (typeof verdict?.decision === 'number') return verdict;
      throw new TypeError('it returned no decision');
    } catch (error) {
      if (!hasFailed) report(error);
      hasFailed = true;
      return { decision: NOT_RECORD };
    }
  };
  const wrapped: SamplerShape = {
    shouldSample(context, traceId, spanName, spanKind, attributes, links) {
      const verdict = verdictOf(context, traceId, spanName, spanKind, attributes, links);
      if (verdict.decision !== NOT_RECORD) return verdict;
      if (attributes[ATTR_KIND] === undefined && !rules.mayBeExecution(spanName, attributes)) return verdict;
      return { ...verdict, decision: RECORD_ONLY };
    },
    toString: () => `RecordExecutions{${String(sampler)}}`,
  };
  // The SDK types the decision as its own enum of the same numbers.
  return wrapped as unknown as RecordSampler<Sampler>;
}

function report(error: unknown): void {
  try {
    diag.error('runledger: the sampler failed', error);
  } catch {
    // A logger that throws must not reach the application either.
  }
}

/** A sampler with the signature of the one it wraps. */
export type RecordSampler<Sampler extends SamplerShape> = Pick<Sampler, 'shouldSample' | 'toString'>;

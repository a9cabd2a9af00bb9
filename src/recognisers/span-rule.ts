import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { ExecutionKind, Outcome } from '../execution.ts';
import type { ForeignSpan } from './foreign-span.ts';

/**
 * What a span is: an execution of a kind; an execution whose place decides (`auto`: a pipeline with nothing above it, a
 * process with executions below it, else a step); a call whose tokens are those of the execution it is in (`usage`); or
 * nothing, as if it were not there (`ignore`).
 */
export type RuleKind = ExecutionKind | 'auto' | 'part' | 'ignore';

/** Where a value comes from: the name of an attribute, or a function of the span. */
export type SpanValue<Value> = string | ((span: ForeignSpan) => Value | undefined);

/** How an execution ended, where the status of its span does not say. */
export interface SpanEnding {
  /** `suspended`: it is to go on in a later span. @default by the status of the span */
  readonly outcome?: Outcome | 'suspended';
  /** `false` where another attempt follows, `true` where none does. */
  readonly isFinal?: boolean | undefined;
  readonly errorType?: string | undefined;
  readonly errorMessage?: string | undefined;
  readonly errorStack?: string | undefined;
  readonly skipReason?: string | undefined;
}

/**
 * Makes spans of another library executions. A span has to meet every condition that is given, of which there must be
 * one; the first rule it meets decides. What a rule throws is reported once and counts as not met.
 */
export interface SpanRule {
  /** Name of the instrumentation scope, or what it must match. */
  readonly scope?: string | RegExp;
  /** Name of the span when it started, or what it must match. */
  readonly spanName?: string | RegExp;
  /** An attribute it must have. */
  readonly attribute?: string;
  /** What it is. A function may refuse it with `undefined`. */
  readonly kind: RuleKind | ((span: ForeignSpan) => RuleKind | undefined);
  /** Name of the execution. @default the name of the span when it started */
  readonly executionName?: SpanValue<string>;
  /** Run it belongs to, where nothing above it is an execution. @default a run of its own */
  readonly runId?: SpanValue<AttributeValue>;
  /** The business unit, stable over attempts. */
  readonly correlationId?: SpanValue<AttributeValue>;
  /** What the library calls it. A span within one of the same rule and id is the same execution, seen twice. */
  readonly id?: SpanValue<AttributeValue>;
  /** 1 for the first attempt. */
  readonly attempt?: SpanValue<AttributeValue>;
  /** Where no attempt is said: the nth execution with the same key is the nth attempt. */
  readonly attemptKey?: SpanValue<AttributeValue>;
  /** How it ended. @default by the status of the span */
  readonly ending?: (span: ForeignSpan) => SpanEnding | undefined;
  /** Attributes added to those of the span before its record is made of them, such as `gen_ai.usage.*`. */
  readonly attributes?: (span: ForeignSpan) => Attributes | undefined;
  /**
   * Identity of the record, where several spans are one execution: `key` names it, `segment` (1, 2, …) orders its spans,
   * `startedAt` (milliseconds since the Unix epoch) is the start of the first. The last one wins.
   */
  readonly segments?: (span: ForeignSpan) => SpanSegment | undefined;
  /** Where nothing above it is an execution here: the segments its parent consists of, in another process perhaps. */
  readonly parent?: (span: ForeignSpan) => Omit<SpanSegment, 'segment'> | undefined;
  /**
   * Whether what the rule asks for besides the name is set after the span has started, so that a sampler, and the list of
   * what runs, have only the name to go by. @default false
   */
  readonly isSetLater?: boolean;
}

/** One of several spans that are the same execution. */
export interface SpanSegment {
  readonly key: string;
  readonly segment: number;
  readonly startedAt: number;
}

/** The rules of one library. */
export interface RuleGroup {
  /** What options and the environment call it. */
  readonly name: string;
  /** The engine whose own instrumentation makes these rules superfluous, and switches them off; by the scope of a span. */
  readonly engine?: string | ((scope: string) => string);
  /** Whether it is off unless it is named: spans of this library are of anything, not of pipelines alone. */
  readonly isOptIn?: boolean;
  /**
   * Names of the attributes that a record keeps, of those without a column. Spans of other libraries may carry prompts and
   * payloads, so all else is left out. @default all
   */
  readonly keeps?: RegExp;
  readonly rules: readonly SpanRule[];
}

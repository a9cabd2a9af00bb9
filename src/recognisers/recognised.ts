import type { Attributes } from '@opentelemetry/api';
import type { ForeignSpan } from './foreign-span.ts';
import type { RuleGroup, RuleKind, SpanEnding, SpanRule, SpanSegment, SpanValue } from './span-rule.ts';

/** What a rule makes of a span. */
export interface Recognised {
  /** Name of the group of rules: what the record calls its engine. */
  readonly group: string;
  /** Which attributes its record keeps; undefined for all. */
  readonly keeps: RegExp | undefined;
  readonly kind: Exclude<RuleKind, 'ignore'>;
  readonly name: string;
  readonly id: string | undefined;
  readonly runId: string | undefined;
  readonly correlationId: string | undefined;
  readonly attempt: number | undefined;
  readonly attemptKey: string | undefined;
  readonly ending: SpanEnding | undefined;
  readonly attributes: Attributes | undefined;
  readonly segment: SpanSegment | undefined;
  readonly parent: Omit<SpanSegment, 'segment'> | undefined;
  /** Whether what it says is sure only when it has ended. */
  readonly isSetLater: boolean;
}

/** Applies a rule to a span that meets its conditions; undefined where it is to be ignored, or the rule refuses it. */
export function recognised(
  { name: group, keeps }: RuleGroup,
  rule: SpanRule,
  span: ForeignSpan,
): Recognised | 'ignored' | undefined {
  const kind = typeof rule.kind === 'function' ? rule.kind(span) : rule.kind;
  if (kind === undefined) return undefined;
  if (kind === 'ignore') return 'ignored';
  const attempt = Number(read(rule.attempt, span));
  return {
    group,
    keeps,
    kind,
    name: textOf(read(rule.executionName, span)) ?? span.startName,
    id: textOf(read(rule.id, span)),
    runId: textOf(read(rule.runId, span)),
    correlationId: textOf(read(rule.correlationId, span)),
    attempt: Number.isSafeInteger(attempt) && attempt > 0 ? attempt : undefined,
    attemptKey: textOf(read(rule.attemptKey, span)),
    ending: span.hasEnded ? rule.ending?.(span) : undefined,
    attributes: rule.attributes?.(span),
    segment: rule.segments?.(span),
    parent: rule.parent?.(span),
    isSetLater: rule.isSetLater === true,
  };
}

function read<Value>(value: SpanValue<Value> | undefined, span: ForeignSpan): unknown {
  return typeof value === 'string' ? span.attributes[value] : value?.(span);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

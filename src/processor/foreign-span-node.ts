import type { Attributes } from '@opentelemetry/api';
import type { Recognised } from '../recognisers/recognised.ts';
import type { EndedSpan } from '../records/ended-span.ts';
import type { LiveExecution } from './live-execution.ts';

/**
 * A span of another library, from its start until its record is made. It hangs on its span, so it lives as long as that
 * does, and forgets what is above it when nothing below it can need it any more.
 */
export class ForeignSpanNode {
  /** Undefined when it has ended and is not needed any more. */
  span: EndedSpan | undefined;
  readonly startName: string;
  /** The nearest span of another library it runs in. */
  parent: ForeignSpanNode | undefined;
  /** The execution of ours that all of them run in. */
  readonly outer: LiveExecution | undefined;
  recognised: Recognised | undefined;
  /** Made when something below it, or the list of what runs, needs it; at the latest when its record is made. */
  execution: LiveExecution | undefined;
  attempt: number | undefined;
  /** What its parts add to it: tokens used below it, and whatever else they say. */
  parts: Attributes | undefined;
  /** Whether executions run, or ran, in it. */
  hasExecutions = false;
  /** Whether one of them has a record, or runs, with the run it had then. */
  isRunFixed = false;
  /** Whether it is told of as running, and so has to have a record. */
  isListed = false;
  hasEnded = false;
  /** Whether it was found to be no execution since it started. */
  isPlain = false;

  constructor(span: EndedSpan, parent: ForeignSpanNode | undefined, outer: LiveExecution | undefined) {
    this.span = span;
    this.startName = span.name;
    this.parent = parent?.standing();
    this.outer = outer;
  }

  /** Itself, or the nearest above it that has not ended without being an execution. */
  standing(): ForeignSpanNode | undefined {
    let node: ForeignSpanNode | undefined = this;
    while (node?.hasEnded === true && node.recognised === undefined && node.execution === undefined)
      node = node.parent;
    return node;
  }

  /** Adds what a part of it says: numbers of tokens to each other, anything else as it is. */
  addPart(attributes: Attributes): void {
    this.parts ??= {};
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined) continue;
      const before = name.startsWith(TOKENS) ? this.parts[name] : undefined;
      this.parts[name] = typeof value === 'number' && typeof before === 'number' ? before + value : value;
    }
  }
}

const TOKENS = 'gen_ai.usage.';

/** The numbers of tokens among attributes. */
export function tokensOf(attributes: Attributes = {}): Attributes {
  const tokens: Attributes = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (name.startsWith(TOKENS) && typeof value === 'number' && Number.isFinite(value)) tokens[name] = value;
  }
  return tokens;
}

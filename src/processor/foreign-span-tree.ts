import type { ExecutionKind } from '../execution.ts';
import { executionView } from '../recognisers/execution-view.ts';
import type { RuleSet } from '../recognisers/rule-set.ts';
import type { EndedSpan } from '../records/ended-span.ts';
import { kindOf } from '../records/execution-facts.ts';
import type { ForeignSpanNode } from './foreign-span-node.ts';
import type { LiveExecution } from './live-execution.ts';
import type { LiveExecutions } from './live-executions.ts';

/** What makes executions and records of spans that look like ours. */
export interface ExecutionMaker {
  /** An execution that has started; `span` need not have ended. */
  make(span: EndedSpan, kind: ExecutionKind, parent: LiveExecution | undefined): LiveExecution;
  /** Lists an execution as running: it is to have a record. */
  list(execution: LiveExecution): void;
  /** What is known of an execution by now. */
  refine(execution: LiveExecution, span: EndedSpan, kind: ExecutionKind): void;
  /** Ends an execution that a span of another library stands for, and makes its record. */
  endForeign(span: EndedSpan, kind: ExecutionKind, execution: LiveExecution): void;
}

/** Which spans of other libraries are executions, and which one each is in. */
export class ForeignSpanTree {
  readonly #rules: RuleSet;
  readonly #live: LiveExecutions;
  readonly #maker: ExecutionMaker;

  constructor(rules: RuleSet, live: LiveExecutions, maker: ExecutionMaker) {
    this.#rules = rules;
    this.#live = live;
    this.#maker = maker;
  }

  /** Whether a span is an execution, by what is known of it now. */
  isExecution(node: ForeignSpanNode): boolean {
    if (node.recognised !== undefined || node.execution !== undefined) return true;
    const { span } = node;
    if (node.hasEnded || span === undefined) return false;
    if (kindOf(span) !== undefined) return true;
    if (node.isPlain) return false;
    const recognised = this.#rules.recognise(span, node.startName, false);
    if (recognised === undefined || recognised.kind === 'part') {
      node.isPlain = true;
      return false;
    }
    node.recognised = recognised;
    return true;
  }

  /** The node itself, or the nearest above it that is an execution. */
  nearest(node: ForeignSpanNode | undefined): ForeignSpanNode | undefined {
    let up = node;
    while (up !== undefined && !this.isExecution(up)) up = up.parent;
    return up;
  }

  /** The execution of a span that is one. */
  executionOf(node: ForeignSpanNode): LiveExecution {
    if (node.execution !== undefined) return node.execution;
    const { span } = node;
    if (span === undefined) throw new Error('an ended span was asked for an execution');
    const own = kindOf(span) === undefined ? undefined : (this.#live.of(span) ?? this.#live.adopt(span));
    node.execution = own ?? this.#made(node, span);
    return node.execution;
  }

  /** The execution it runs in: of another library's span or, around all of those, of ours. */
  parentOf(node: ForeignSpanNode): LiveExecution | undefined {
    const above = this.nearest(node.parent);
    return above === undefined ? node.outer : this.executionOf(above);
  }

  /** Its span as one of ours would be. */
  viewOf(node: ForeignSpanNode, span: EndedSpan, isLocalRoot: boolean, runId: string | undefined): EndedSpan {
    const { recognised } = node;
    if (recognised === undefined) return span;
    return executionView(span, recognised, {
      kind: placedKind(node, isLocalRoot),
      runId: isLocalRoot ? (runId ?? recognised.runId) : undefined,
      attempt: recognised.attempt ?? node.attempt,
      parts: node.parts,
      isLocalRoot,
    });
  }

  #made(node: ForeignSpanNode, span: EndedSpan): LiveExecution {
    const parent = this.parentOf(node);
    const view = this.viewOf(node, span, parent === undefined, undefined);
    return this.#maker.make(view, kindOf(view) ?? 'step', parent);
  }
}

/** Its kind by its place: no pipeline below another execution, and no step around one. */
function placedKind({ recognised, hasExecutions }: ForeignSpanNode, isLocalRoot: boolean): ExecutionKind {
  const kind = recognised?.kind;
  if (isLocalRoot && (kind === 'pipeline' || kind === 'auto')) return 'pipeline';
  if (kind === 'process' || kind === 'pipeline') return 'process';
  return hasExecutions ? 'process' : 'step';
}

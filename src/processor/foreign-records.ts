import { kindOf } from '../records/execution-facts.ts';
import { AttemptCounter } from './attempt-counter.ts';
import { type ForeignSpanNode, tokensOf } from './foreign-span-node.ts';
import type { ExecutionMaker, ForeignSpanTree } from './foreign-span-tree.ts';

/** Makes the records of ended spans of other libraries that wait for nothing any more. */
export class ForeignRecords {
  readonly #tree: ForeignSpanTree;
  readonly #maker: ExecutionMaker;
  readonly #report: (error: unknown) => void;
  readonly #attempts = new AttemptCounter();

  /** `report` hears of what went wrong with one span, which does not keep the others from their records. */
  constructor(tree: ForeignSpanTree, maker: ExecutionMaker, report: (error: unknown) => void) {
    this.#tree = tree;
    this.#maker = maker;
    this.#report = report;
  }

  /** Takes spans in the order they ended. Never throws. */
  make(spans: readonly ForeignSpanNode[]): void {
    // Outer ones end last: what is around and below each is known before any record is made.
    const outerFirst = spans.toReversed();
    this.#forEach(outerFirst, (node) => this.#place(node));
    this.#forEach(spans, (node) => this.#count(node));
    this.#forEach(outerFirst, (node) => this.#refine(node));
    this.#forEach(spans, (node) => this.#record(node));
  }

  /** Tells the execution it is in of it, or drops it where that one is the same one. */
  #place(node: ForeignSpanNode): void {
    const above = this.#tree.nearest(node.parent);
    if (above === undefined) return;
    if (node.execution === undefined && isSame(node, above)) {
      node.recognised = undefined;
      node.span = undefined;
    } else {
      above.hasExecutions = true;
    }
  }

  /** Numbers its attempt, and gives its tokens to the execution it is in, for where that one says none of its own. */
  #count(node: ForeignSpanNode): void {
    const { recognised, span, parent, parts } = node;
    if (recognised?.attempt === undefined && recognised?.attemptKey !== undefined)
      node.attempt ??= this.#attempts.next(`${recognised.group} ${recognised.attemptKey}`);
    const own = { ...tokensOf(span?.attributes), ...tokensOf(recognised?.attributes) };
    this.#tree.nearest(parent)?.addPart({ ...tokensOf(parts), ...own });
  }

  /** What is known of it now that it has ended. */
  #refine(node: ForeignSpanNode): void {
    if (node.span === undefined) return;
    const execution = this.#tree.executionOf(node);
    const runId = node.isRunFixed ? execution.facts.runId : undefined;
    const view = this.#tree.viewOf(node, node.span, execution.parent === undefined, runId);
    this.#maker.refine(execution, view, kindOf(view) ?? execution.facts.kind);
    node.span = view;
  }

  #record(node: ForeignSpanNode): void {
    const { span, execution } = node;
    if (span === undefined || execution === undefined) return;
    const above = this.#tree.nearest(node.parent);
    if (above?.hasEnded === false) above.isRunFixed = true;
    this.#maker.endForeign(span, execution.facts.kind, execution);
    node.span = undefined;
    node.parent = undefined;
  }

  #forEach(nodes: readonly ForeignSpanNode[], act: (node: ForeignSpanNode) => void): void {
    for (const node of nodes) {
      if (node.recognised === undefined) continue;
      try {
        act(node);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}

function isSame(node: ForeignSpanNode, above: ForeignSpanNode): boolean {
  const { recognised } = node;
  if (recognised?.id === undefined) return false;
  return recognised.id === above.recognised?.id && recognised.group === above.recognised.group;
}

import { type Context, trace } from '@opentelemetry/api';
import { parentContextOf } from '../recognisers/foreign-span.ts';
import type { RuleSet } from '../recognisers/rule-set.ts';
import type { EndedSpan, StartedSpan } from '../records/ended-span.ts';
import { kindOf } from '../records/execution-facts.ts';
import { ATTR_RUN_ID } from '../semconv.ts';
import { ForeignRecords } from './foreign-records.ts';
import { ForeignSpanNode, tokensOf } from './foreign-span-node.ts';
import { type ExecutionMaker, ForeignSpanTree } from './foreign-span-tree.ts';
import { type HeldFor, HeldSpans } from './held-spans.ts';
import type { LiveExecution } from './live-execution.ts';
import type { LiveExecutions } from './live-executions.ts';

/** How many ended spans are held, and for how long. */
export interface HoldLimits {
  readonly maxHeldSpans: number;
  readonly holdMillis: number;
}

interface Carrier {
  [key: symbol]: ForeignSpanNode | undefined;
}

/**
 * Executions that spans of other libraries stand for. What a span is may be known only when it and those around it have
 * ended, so ended spans are held until the outermost execution among them ends: then each is given its kind by its
 * place, and its record is made, inner ones first, so that failures climb as they do through executions of ours. What is
 * held too long, or is too much, is settled by what is known by then.
 *
 * A span is asked what it is when it starts, when it is adopted, when the first execution below it starts or ends, and
 * when it ends.
 */
export class ForeignExecutions {
  /** Names the property of spans; one for each table, since there may be several processors. */
  readonly #key = Symbol('runledger foreign span');
  readonly #rules: RuleSet;
  readonly #live: LiveExecutions;
  readonly #maker: ExecutionMaker;
  readonly #tree: ForeignSpanTree;
  readonly #records: ForeignRecords;
  readonly #held: HeldSpans;
  #open = 0;

  /** `report` hears of what went wrong with one span, which does not keep the others from their records. */
  constructor(
    rules: RuleSet,
    live: LiveExecutions,
    maker: ExecutionMaker,
    limits: HoldLimits,
    report: (error: unknown) => void,
  ) {
    this.#rules = rules;
    this.#live = live;
    this.#maker = maker;
    this.#tree = new ForeignSpanTree(rules, live, maker);
    this.#records = new ForeignRecords(this.#tree, maker, report);
    this.#held = new HeldSpans(limits.maxHeldSpans, limits.holdMillis, (spans) => this.#records.make(spans));
  }

  /** A span of another library starts. */
  start(span: StartedSpan, parentContext: Context): void {
    const around = trace.getSpan(parentContext);
    let parent = around === undefined ? undefined : this.#nodeOf(around);
    let outer = this.#live.isEmpty ? undefined : this.#live.parentOf(parentContext);
    if (outer === undefined) outer = parent?.outer;
    // The code runs in an execution that is not the one its parent span ran in: that one is nearer.
    else if (parent?.outer !== outer) parent = undefined;
    const node = new ForeignSpanNode(span, parent, outer);
    (span as unknown as Carrier)[this.#key] = node;
    this.#open++;
    if (this.#rules.isEmpty) return;
    const recognised = this.#rules.recognise(span, node.startName, false);
    if (recognised === undefined || recognised.isSetLater || recognised.kind === 'part') return;
    node.recognised = recognised;
    this.#list(node);
  }

  /** The execution that one of ours starts in, given the one of ours whose code runs. */
  around(
    span: EndedSpan,
    parentContext: Context,
    running: LiveExecution | undefined,
  ): LiveExecution | undefined {
    if (this.#open === 0) return running;
    const parentSpan = trace.getSpan(parentContext);
    const node = parentSpan === undefined ? undefined : this.#nodeOf(parentSpan);
    if (node === undefined || (running !== undefined && running !== node.outer)) return running;
    const execution = this.#tree.nearest(node);
    if (execution === undefined) return running ?? node.outer;
    this.#joinRun(execution, span);
    execution.hasExecutions = true;
    execution.isRunFixed = true;
    return this.#tree.executionOf(execution);
  }

  /** A span of another library ends; its start need not have been seen. */
  end(span: EndedSpan): void {
    const seen = this.#nodeOf(span);
    if (seen?.hasEnded === true) return;
    const node = seen ?? new ForeignSpanNode(span, undefined, undefined);
    node.hasEnded = true;
    if (seen !== undefined) this.#open--;
    const spans = [...this.#taken(node, span)];
    this.#recogniseEnded(node, span);
    if (node.recognised !== undefined) spans.push(node);
    const heldFor = spans.length === 0 ? undefined : this.#waitsFor(node, span, seen !== undefined);
    if (node.recognised === undefined) {
      if (node.parts !== undefined) node.parent?.addPart(node.parts);
      node.span = undefined;
      node.parent = node.parent?.standing();
    }
    if (spans.length === 0) return;
    if (heldFor === undefined) this.#records.make(spans);
    else this.#held.hold(heldFor, spans);
  }

  /** The execution that a span of another library became after it had started, if it did. */
  adopt(span: object): LiveExecution | undefined {
    const node = this.#nodeOf(span);
    const kind = node?.span === undefined ? undefined : kindOf(node.span);
    if (node?.span === undefined || kind === undefined) return undefined;
    const above = this.#tree.nearest(node.parent);
    if (above !== undefined) above.hasExecutions = true;
    if (node.execution === undefined) return this.#maker.make(node.span, kind, this.#tree.parentOf(node));
    this.#maker.refine(node.execution, node.span, kind);
    return node.execution;
  }

  /** A span that was adopted ends. */
  close(span: EndedSpan): void {
    const node = this.#nodeOf(span);
    if (node === undefined || node.hasEnded) return;
    this.#records.make(this.#held.take(node));
    node.execution = this.#live.of(span);
    node.hasEnded = true;
    node.span = undefined;
    node.parent = undefined;
    this.#open--;
  }

  /** Makes the records of everything that is held, by what is known now. */
  settleAll(): void {
    this.#held.settleAll();
  }

  /** What waited for this span: held below it, or not seen starting and naming it as parent. */
  #taken(node: ForeignSpanNode, span: EndedSpan): readonly ForeignSpanNode[] {
    if (this.#held.count === 0) return [];
    const orphans = this.#held.take(span.spanContext().spanId);
    for (const orphan of orphans) orphan.parent ??= node;
    return [...this.#held.take(node), ...orphans];
  }

  #recogniseEnded(node: ForeignSpanNode, span: EndedSpan): void {
    const recognised = this.#rules.recognise(span, node.startName, true);
    if (node.execution !== undefined) this.#live.end(node.execution);
    if (recognised?.kind === 'part') {
      node.addPart({ ...tokensOf(span.attributes), ...recognised.attributes });
    } else if (recognised !== undefined) node.recognised = recognised;
    // What runs as an execution, or has executions below it, stays one.
    if ((node.hasExecutions || node.isListed) && recognised?.kind !== 'part') return;
    if (recognised === undefined || recognised.kind === 'part') {
      node.recognised = undefined;
      node.execution = undefined;
    }
  }

  /** The outermost execution that is still open decides, by way of the nearest one. */
  #waitsFor(node: ForeignSpanNode, span: EndedSpan, isSeen: boolean): HeldFor | undefined {
    for (let up = node.parent; up !== undefined; up = up.parent) {
      if (up.hasEnded || !this.#tree.isExecution(up)) continue;
      return up.recognised === undefined ? undefined : up;
    }
    if (isSeen || node.parent !== undefined) return undefined;
    const parent = parentContextOf(span);
    return parent === undefined || parent.isRemote === true ? undefined : parent.spanId;
  }

  #list(node: ForeignSpanNode): void {
    node.isListed = true;
    this.#maker.list(this.#tree.executionOf(node));
  }

  /** An execution around a run of ours that names no run itself belongs to that run. */
  #joinRun(node: ForeignSpanNode, child: EndedSpan): void {
    const runId = child.attributes[ATTR_RUN_ID];
    const { recognised, execution } = node;
    if (recognised === undefined || recognised.runId !== undefined || node.isRunFixed) return;
    if (
      typeof runId !== 'string' ||
      node.outer !== undefined ||
      this.#tree.nearest(node.parent) !== undefined
    )
      return;
    node.recognised = { ...recognised, runId };
    if (execution === undefined) return;
    this.#live.end(execution);
    node.execution = undefined;
    this.#list(node);
  }

  #nodeOf(span: object): ForeignSpanNode | undefined {
    return (span as Carrier)[this.#key];
  }
}

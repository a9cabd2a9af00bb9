import { type Context, trace } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { executionView } from '../recognisers/execution-view.ts';
import { foreignSpan, parentContextOf } from '../recognisers/foreign-span.ts';
import type { RuleSet } from '../recognisers/rule-set.ts';
import type { EndedSpan, StartedSpan } from '../records/ended-span.ts';
import { kindOf } from '../records/execution-facts.ts';
import { ATTR_RUN_ID } from '../semconv.ts';
import { AttemptCounter } from './attempt-counter.ts';
import { ForeignSpanNode, tokensOf } from './foreign-span-node.ts';
import { type HeldFor, HeldSpans } from './held-spans.ts';
import type { LiveExecution, LiveExecutions } from './live-executions.ts';

/** What makes executions and records of spans that look like ours. */
export interface ExecutionMaker {
  /** An execution that has started; `span` need not have ended. */
  make(span: EndedSpan, kind: ExecutionKind, parent: LiveExecution | undefined): LiveExecution;
  /** Lists an execution as running: it is to have a record. */
  list(execution: LiveExecution): void;
  /** What is known of an execution by now. */
  refine(execution: LiveExecution, span: EndedSpan, kind: ExecutionKind): void;
  /** Ends an execution and makes its record. */
  end(span: EndedSpan, kind: ExecutionKind, execution: LiveExecution): void;
}

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
 * A span is asked what it is when it starts, when the first execution below it starts or ends, and when it ends.
 */
export class ForeignExecutions {
  /** Names the property of spans; one for each table, since there may be several processors. */
  readonly #key = Symbol('runledger foreign span');
  readonly #rules: RuleSet;
  readonly #live: LiveExecutions;
  readonly #maker: ExecutionMaker;
  readonly #attempts = new AttemptCounter();
  readonly #held: HeldSpans;
  readonly #report: (error: unknown) => void;
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
    this.#report = report;
    this.#held = new HeldSpans(limits.maxHeldSpans, limits.holdMillis, (spans) => this.#settle(spans));
  }

  /** Ended spans whose records are not made yet. */
  get held(): number {
    return this.#held.count;
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
    const recognised = this.#rules.recognise(foreignSpan(span, node.startName, false));
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
    const execution = this.#nearest(node);
    if (execution === undefined) return running ?? node.outer;
    this.#joinRun(execution, span);
    execution.hasExecutions = true;
    execution.isRunFixed = true;
    return this.#executionOf(execution);
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
    if (heldFor === undefined) this.#settle(spans);
    else this.#held.hold(heldFor, spans);
  }

  /** The execution that a span of another library became after it had started, if it did. */
  adopt(span: object): LiveExecution | undefined {
    const node = this.#nodeOf(span);
    const kind = node?.span === undefined ? undefined : kindOf(node.span);
    if (node?.span === undefined || kind === undefined) return undefined;
    const above = this.#nearest(node.parent);
    if (above !== undefined) above.hasExecutions = true;
    if (node.execution === undefined) return this.#maker.make(node.span, kind, this.#parentOf(node));
    this.#maker.refine(node.execution, node.span, kind);
    return node.execution;
  }

  /** A span that was adopted ends. */
  close(span: EndedSpan): void {
    const node = this.#nodeOf(span);
    if (node === undefined || node.hasEnded) return;
    this.#settle(this.#held.take(node));
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
    const recognised = this.#rules.recognise(foreignSpan(span, node.startName, true));
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
      if (up.hasEnded || !this.#isExecution(up)) continue;
      return up.recognised === undefined ? undefined : up;
    }
    if (isSeen || node.parent !== undefined) return undefined;
    const parent = parentContextOf(span);
    return parent === undefined || parent.isRemote === true ? undefined : parent.spanId;
  }

  #settle(spans: readonly ForeignSpanNode[]): void {
    // Outer ones end last: what is below each is known before any record is made.
    for (let index = spans.length - 1; index >= 0; index--) this.#place(spans[index]);
    for (const node of spans) this.#count(node);
    for (let index = spans.length - 1; index >= 0; index--) this.#refine(spans[index]);
    for (const node of spans) {
      try {
        if (node.recognised !== undefined) this.#record(node);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  /** Tells the execution it is in of it, or drops it where that one is the same one. */
  #place(node: ForeignSpanNode | undefined): void {
    if (node?.recognised === undefined) return;
    const above = this.#nearest(node.parent);
    if (above === undefined) return;
    if (node.execution === undefined && isSame(node, above)) {
      node.recognised = undefined;
      node.span = undefined;
      return;
    }
    above.hasExecutions = true;
  }

  /** Numbers its attempt, and gives its tokens to the execution it is in, for where that one says none of its own. */
  #count(node: ForeignSpanNode): void {
    const { recognised, span, parent, parts } = node;
    if (recognised === undefined || span === undefined) return;
    if (recognised.attempt === undefined && recognised.attemptKey !== undefined)
      node.attempt ??= this.#attempts.next(`${recognised.group} ${recognised.attemptKey}`);
    this.#nearest(parent)?.addPart(tokensOf({ ...parts, ...span.attributes, ...recognised.attributes }));
  }

  /** What is known of it now that it has ended. */
  #refine(node: ForeignSpanNode | undefined): void {
    if (node?.recognised === undefined || node.span === undefined) return;
    const execution = this.#executionOf(node);
    const runId = node.isRunFixed ? execution.facts.runId : undefined;
    const view = this.#viewOf(node, node.span, execution.parent === undefined, runId);
    this.#maker.refine(execution, view, kindOf(view) ?? execution.facts.kind);
    node.span = view;
  }

  #record(node: ForeignSpanNode): void {
    const { span, execution } = node;
    if (span === undefined || execution === undefined) return;
    const above = this.#nearest(node.parent);
    if (above?.hasEnded === false) above.isRunFixed = true;
    this.#maker.end(span, execution.facts.kind, execution);
    node.span = undefined;
    node.parent = undefined;
  }

  #executionOf(node: ForeignSpanNode): LiveExecution {
    if (node.execution !== undefined) return node.execution;
    const { span } = node;
    if (span === undefined) throw new Error('an ended span was asked for an execution');
    const own = kindOf(span) === undefined ? undefined : (this.#live.of(span) ?? this.#live.adopt(span));
    node.execution = own ?? this.#madeFrom(node, span);
    return node.execution;
  }

  #madeFrom(node: ForeignSpanNode, span: EndedSpan): LiveExecution {
    const parent = this.#parentOf(node);
    const view = this.#viewOf(node, span, parent === undefined, undefined);
    return this.#maker.make(view, kindOf(view) ?? 'step', parent);
  }

  /** The execution it runs in: of another library's span or, around all of those, of ours. */
  #parentOf(node: ForeignSpanNode): LiveExecution | undefined {
    const above = this.#nearest(node.parent);
    return above === undefined ? node.outer : this.#executionOf(above);
  }

  #list(node: ForeignSpanNode): void {
    node.isListed = true;
    this.#maker.list(this.#executionOf(node));
  }

  #viewOf(
    node: ForeignSpanNode,
    span: EndedSpan,
    isLocalRoot: boolean,
    runId: string | undefined,
  ): EndedSpan {
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

  /** An execution around a run of ours that names no run itself belongs to that run. */
  #joinRun(node: ForeignSpanNode, child: EndedSpan): void {
    const runId = child.attributes[ATTR_RUN_ID];
    const { recognised, execution } = node;
    if (recognised === undefined || recognised.runId !== undefined || node.isRunFixed) return;
    if (typeof runId !== 'string' || node.outer !== undefined || this.#nearest(node.parent) !== undefined)
      return;
    node.recognised = { ...recognised, runId };
    if (execution === undefined) return;
    this.#live.end(execution);
    node.execution = undefined;
    this.#list(node);
  }

  /** The node itself, or the nearest above it that is an execution. */
  #nearest(node: ForeignSpanNode | undefined): ForeignSpanNode | undefined {
    let up = node;
    while (up !== undefined && !this.#isExecution(up)) up = up.parent;
    return up;
  }

  #isExecution(node: ForeignSpanNode): boolean {
    if (node.recognised !== undefined || node.execution !== undefined) return true;
    const { span } = node;
    if (node.hasEnded || span === undefined) return false;
    if (kindOf(span) !== undefined) return true;
    if (node.isPlain) return false;
    const recognised = this.#rules.recognise(foreignSpan(span, node.startName, false));
    if (recognised === undefined || recognised.kind === 'part') {
      node.isPlain = true;
      return false;
    }
    node.recognised = recognised;
    return true;
  }

  #nodeOf(span: object): ForeignSpanNode | undefined {
    return (span as Carrier)[this.#key];
  }
}

/** Its kind by its place: no pipeline below another execution, and no step around one. */
function placedKind({ recognised, hasExecutions }: ForeignSpanNode, isLocalRoot: boolean): ExecutionKind {
  const kind = recognised?.kind;
  if (isLocalRoot && (kind === 'pipeline' || kind === 'auto')) return 'pipeline';
  if (kind === 'process' || kind === 'pipeline') return 'process';
  return hasExecutions ? 'process' : 'step';
}

function isSame(node: ForeignSpanNode, above: ForeignSpanNode): boolean {
  const { recognised } = node;
  if (recognised?.id === undefined) return false;
  return recognised.id === above.recognised?.id && recognised.group === above.recognised.group;
}

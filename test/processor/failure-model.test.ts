import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { type TracedExecution, TracedLedger } from '../support/traced-executions.ts';

/*
 * Random trees of executions are run for real, and every record is compared with what the rules say. The model
 * knows which child each error was made from, so it never compares errors; the code under test must find that out.
 */

type Ending = 'success' | 'rethrow' | 'cause' | 'message' | 'aggregate' | 'own' | 'none' | 'cancelled';

interface Plan {
  readonly kind: 'pipeline' | 'process' | 'step';
  readonly name: number;
  readonly ending: Ending;
  /** Picks which failed child, or which, the error is made from. */
  readonly pick: number;
  readonly isParallel: boolean;
  readonly isLate: boolean;
  readonly foreignSpans: number;
  /** How often it is tried again after a failure; the last try ends as planned. */
  readonly retries: number;
  readonly children: readonly Plan[];
}

/** An execution that ran, with what the model knows about it. */
interface Ran {
  readonly plan: Plan;
  readonly traced: TracedExecution;
  readonly parent: Ran | undefined;
  readonly attempt: number;
  readonly startedTick: number;
  readonly children: Ran[];
  endedTick: number;
  failed: boolean;
  cancelled: boolean;
  late: boolean;
  /** The error it threw; undefined where it threw none. */
  thrown: Error | undefined;
  /** The error others know its failure by: its own, or that of the child it took over. */
  carried: Error | undefined;
  /** Children its failure is traced to, first to end first. */
  linked: readonly Ran[];
  /** Whether it threw the very object of a linked child. */
  isSameObject: boolean;
}

const plans: fc.Arbitrary<Plan> = fc.letrec<{ node: Plan }>((tie) => ({
  node: fc.record({
    kind: fc.constantFrom('pipeline', 'process', 'step'),
    name: fc.nat(2),
    ending: fc.constantFrom<Ending>(
      'success',
      'success',
      'rethrow',
      'cause',
      'message',
      'aggregate',
      'own',
      'none',
      'cancelled',
    ),
    pick: fc.nat(100),
    isParallel: fc.boolean(),
    isLate: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    foreignSpans: fc.nat(2),
    retries: fc.constantFrom(0, 0, 0, 1, 2),
    children: fc.oneof(
      { depthSize: 'medium', depthIdentifier: 'tree', withCrossShrink: true },
      fc.constant([]),
      fc.array(tie('node'), { maxLength: 4, depthIdentifier: 'tree' }),
    ),
  }),
})).node;

describe('records of random trees', () => {
  it('say what the rules say, over 10,000 executions', () => {
    let executions = 0;
    let linkedRecords = 0;
    const check = (plan: Plan) => {
      const ledger = new TracedLedger();
      const all = new Run(ledger).all(plan);
      executions += all.length;
      expect(ledger.records).toHaveLength(all.length);
      expect(ledger.processor.liveExecutions()).toEqual([]);
      const recordsBySpan = new Map(ledger.records.map((record) => [record.spanId, record]));
      const recordOf = (ran: Ran): ExecutionRecord => {
        const record = recordsBySpan.get(ran.traced.span.spanContext().spanId);
        if (record === undefined) throw new Error('an execution has no record');
        return record;
      };
      for (const ran of all) {
        expect(saidOf(recordOf(ran))).toEqual(expectedOf(ran, recordOf));
        if (ran.linked.length > 0) linkedRecords++;
      }
    };
    for (let seed = 1; executions < 10_000; seed++) {
      fc.assert(fc.property(plans, check), { seed, numRuns: 50 });
    }
    expect(executions).toBeGreaterThanOrEqual(10_000);
    expect(linkedRecords).toBeGreaterThan(500);
  });
});

/** Runs a plan and works out, by the rules, why each execution failed. */
class Run {
  readonly #ledger: TracedLedger;
  readonly #all: Ran[] = [];
  readonly #late: (() => void)[] = [];
  #tick = 0;
  #errors = 0;

  constructor(ledger: TracedLedger) {
    this.#ledger = ledger;
  }

  all(plan: Plan): readonly Ran[] {
    const root = this.#start({ ...plan, kind: 'pipeline' }, undefined, 1);
    this.#runChildren(root);
    this.#end(root, plan.ending);
    for (const endLate of this.#late) endLate();
    return this.#all;
  }

  #start(plan: Plan, parent: Ran | undefined, attempt: number): Ran {
    const name = `${plan.kind}-${plan.name}`;
    const attributes = attempt === 1 ? {} : { 'runledger.attempt': attempt };
    let above = parent?.traced;
    for (let count = 0; above !== undefined && count < plan.foreignSpans; count++) {
      above = above.foreign('GET', plan.pick % 2 === 0);
    }
    const traced =
      above === undefined
        ? this.#ledger.pipeline(name, attributes)
        : above.execution(plan.kind, name, attributes);
    const ran: Ran = {
      plan,
      traced,
      parent,
      attempt,
      startedTick: ++this.#tick,
      children: [],
      endedTick: 0,
      failed: false,
      cancelled: false,
      late: false,
      thrown: undefined,
      carried: undefined,
      linked: [],
      isSameObject: false,
    };
    parent?.children.push(ran);
    this.#all.push(ran);
    return ran;
  }

  #runChildren(parent: Ran): void {
    const waiting: (() => void)[] = [];
    for (const plan of parent.plan.children) {
      if (plan.isLate || parent.plan.isParallel) {
        const child = this.#start(plan, parent, 1);
        this.#runChildren(child);
        if (plan.isLate) this.#late.push(() => this.#end(child, plan.ending));
        else waiting.push(() => this.#end(child, plan.ending));
        continue;
      }
      for (let attempt = 1; attempt <= plan.retries; attempt++) {
        this.#end(this.#start(plan, parent, attempt), 'own');
      }
      const last = this.#start(plan, parent, plan.retries + 1);
      this.#runChildren(last);
      this.#end(last, plan.ending);
    }
    // Ends in another order than starts: rotated by the plan's own number.
    const by = waiting.length === 0 ? 0 : parent.plan.pick % waiting.length;
    for (const end of [...waiting.slice(by), ...waiting.slice(0, by)].toReversed()) end();
  }

  #end(ran: Ran, ending: Ending): void {
    ran.late = ran.parent !== undefined && ran.parent.endedTick > 0;
    if (ending === 'success' || ending === 'cancelled') {
      ran.cancelled = ending === 'cancelled';
      ran.endedTick = ++this.#tick;
      ran.traced.end({ outcome: ending === 'success' ? 'success' : 'cancellation' });
      return;
    }
    ran.failed = true;
    this.#chooseError(ran, ending);
    ran.endedTick = ++this.#tick;
    if (ran.thrown === undefined) ran.traced.failSilently();
    else ran.traced.fail(ran.thrown);
  }

  #chooseError(ran: Ran, ending: Ending): void {
    const failed = failedChildrenOf(ran);
    const withError = failed.filter(({ carried }) => carried !== undefined);
    const picked = withError[ran.plan.pick % Math.max(1, withError.length)];
    if (ending === 'none') {
      ran.linked = failed.filter((child) => !isMadeGood(child, ran.children));
      ran.carried = ran.linked[0]?.carried;
      return;
    }
    if (ending === 'own' || picked?.carried === undefined) {
      ran.thrown = new Error(this.#message('failure'));
    } else if (ending === 'aggregate') {
      const members = withError.filter((_, index) => index === 0 || (ran.plan.pick + index) % 2 === 0);
      ran.thrown = new AggregateError(
        members.toReversed().map(({ carried }) => carried),
        this.#message('several failures'),
      );
      ran.linked = members;
    } else {
      ran.thrown = this.#errorFrom(picked.carried, ending);
      ran.linked = [picked];
      ran.isSameObject = ending === 'rethrow';
    }
    ran.carried = ran.thrown;
  }

  #errorFrom(error: Error, ending: Ending): Error {
    if (ending === 'rethrow') return error;
    if (ending === 'cause') return new Error(this.#message('wrapped'), { cause: error });
    return new Error(`${this.#message('gave up')}: ${error.message} (after all)`);
  }

  /** No message is part of another by chance. */
  #message(text: string): string {
    return `${text} #${String(++this.#errors).padStart(5, '0')}#`;
  }
}

/** Children that failed before the execution ends, first to end first. */
function failedChildrenOf(ran: Ran): readonly Ran[] {
  return ran.children
    .filter(({ failed, late }) => failed && !late)
    .toSorted((one, other) => one.endedTick - other.endedTick);
}

function isMadeGood(failure: Ran, siblings: readonly Ran[]): boolean {
  return siblings.some(
    (later) =>
      later.endedTick > failure.endedTick &&
      !later.failed &&
      !later.cancelled &&
      later.plan.kind === failure.plan.kind &&
      later.plan.name === failure.plan.name &&
      (later.attempt > failure.attempt || later.startedTick > failure.endedTick),
  );
}

/** The execution a failure started at: down the first linked child, until one failed by itself. */
function rootOf(ran: Ran): Ran {
  const first = ran.linked[0];
  return first === undefined ? ran : rootOf(first);
}

function nameOf(ran: Ran): string {
  return `${ran.plan.kind}-${ran.plan.name}`;
}

function nearestPipeline(ran: Ran): Ran {
  return ran.plan.kind === 'pipeline' || ran.parent === undefined ? ran : nearestPipeline(ran.parent);
}

function outermost(ran: Ran): Ran {
  return ran.parent === undefined ? ran : outermost(ran.parent);
}

/** The part of a record the rules are about. */
function saidOf(record: ExecutionRecord) {
  return {
    kind: record.kind,
    name: record.name,
    pipeline: record.pipeline,
    runId: record.runId,
    parentRecordId: record.parentRecordId,
    attempt: record.attempt,
    outcome: record.outcome,
    flags: record.flags,
    recoveredFailures: record.recoveredFailures,
    failedStep: record.failedStep,
    failedRecordId: record.failedRecordId,
    failedCount: record.failedCount,
    failedSteps: record.failedSteps === undefined ? undefined : JSON.parse(record.failedSteps),
    errorType: record.errorType,
    errorMessage: record.errorMessage,
    fingerprint: record.errorFingerprint,
    hasStack: record.errorStack !== undefined,
  };
}

function expectedOf(ran: Ran, recordOf: (ran: Ran) => ExecutionRecord): ReturnType<typeof saidOf> {
  const { linked, failed, thrown } = ran;
  const root = rootOf(ran);
  const isLinked = linked.length > 0;
  const error = thrown ?? (isLinked ? root.thrown : undefined);
  return {
    kind: ran.plan.kind,
    name: nameOf(ran),
    pipeline: nameOf(nearestPipeline(ran)),
    runId: recordOf(outermost(ran)).recordId,
    parentRecordId: ran.parent === undefined ? undefined : recordOf(ran.parent).recordId,
    attempt: ran.attempt,
    outcome: failed ? 'failure' : ran.cancelled ? 'cancellation' : 'success',
    flags: ran.late ? ['late'] : undefined,
    recoveredFailures: failedBeforeEnd(ran) - linked.length,
    failedStep: isLinked ? nameOf(root) : undefined,
    failedRecordId: isLinked ? recordOf(root).recordId : undefined,
    failedCount: isLinked ? linked.length : undefined,
    failedSteps: isLinked
      ? linked
          .slice(0, 8)
          .map(rootOf)
          .map((each) => ({ name: nameOf(each), record_id: recordOf(each).recordId }))
      : undefined,
    errorType: failed ? (error?.name ?? '_OTHER') : undefined,
    errorMessage: failed ? error?.message : undefined,
    fingerprint: failed ? recordOf(root).errorFingerprint : undefined,
    hasStack: thrown !== undefined && !ran.isSameObject,
  };
}

function failedBeforeEnd(ran: Ran): number {
  return ran.children.filter(({ failed, late }) => failed && !late).length;
}

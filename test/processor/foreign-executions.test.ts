import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { ExecutionSpanProcessorOptions } from '../../src/processor/execution-span-processor-options.ts';
import type { SpanRule } from '../../src/recognisers/span-rule.ts';
import { ATTR_KIND, ATTR_PIPELINE_NAME, ATTR_RUN_ID, ATTR_STEP_NAME } from '../../src/semconv.ts';
import { runNode } from '../support/node-process.ts';
import { treeOf } from '../support/record-tree.ts';
import { type RecordedSpan, Replay, recordingOf } from '../support/recorded-spans.ts';
import { TracedExecution, TracedLedger } from '../support/traced-executions.ts';

afterEach(() => {
  jest.useRealTimers();
});

/** A library whose every span is an execution, its kind by its place. */
const FLOWS: SpanRule = { scope: 'flows', kind: 'auto' };

function ledgerWith(
  rules: readonly SpanRule[] = [FLOWS],
  options: Partial<ExecutionSpanProcessorOptions> = {},
) {
  const ledger = new TracedLedger({ recognise: { custom: rules }, ...options });
  const tracer = ledger.provider.getTracer('flows');
  return { ledger, tracer };
}

function start(tracer: Tracer, name: string, parent: Context = ROOT_CONTEXT): [Span, Context] {
  const span = tracer.startSpan(name, {}, parent);
  return [span, trace.setSpan(parent, span)];
}

function fail(span: Span, error: Error): void {
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  span.end();
}

describe('spans of another library', () => {
  it('get their kind by their place', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [stage, inStage] = start(tracer, 'stage', inFlow);
    const [task] = start(tracer, 'task', inStage);
    for (const span of [task, stage, flow]) span.end();
    expect(treeOf(ledger.records)).toEqual([
      'pipeline flow success',
      '  process stage success',
      '    step task success',
    ]);
    expect(new Set(ledger.records.map(({ runId }) => runId)).size).toBe(1);
    expect(ledger.records.map(({ pipeline }) => pipeline)).toEqual(['flow', 'flow', 'flow']);
  });

  it('belong together through spans that no rule knows', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [request, inRequest] = start(ledger.tracer, 'GET', inFlow);
    const [task] = start(tracer, 'task', inRequest);
    for (const span of [task, request, flow]) span.end();
    expect(treeOf(ledger.records)).toEqual(['pipeline flow success', '  step task success']);
  });

  it('are no processes of pipelines above a pipeline, and no steps around steps', () => {
    const rule: SpanRule = {
      scope: 'flows',
      kind: ({ name }) => (name.startsWith('task') ? 'step' : 'pipeline'),
    };
    const { ledger, tracer } = ledgerWith([rule]);
    const [outer, inOuter] = start(tracer, 'outer');
    const [inner, inInner] = start(tracer, 'inner', inOuter);
    const [task, inTask] = start(tracer, 'task', inInner);
    const [nested] = start(tracer, 'task of it', inTask);
    for (const span of [nested, task, inner, outer]) span.end();
    expect(treeOf(ledger.records)).toEqual([
      'pipeline outer success',
      '  process inner success',
      '    process task success',
      '      step task of it success',
    ]);
  });

  it('carry failures up, to where one ends well', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [stage, inStage] = start(tracer, 'stage', inFlow);
    const [task] = start(tracer, 'task', inStage);
    fail(task, new TypeError('rows is undefined'));
    fail(stage, new Error('stage failed: rows is undefined'));
    flow.end();
    expect(treeOf(ledger.records)).toEqual([
      'pipeline flow success',
      '  process stage failure Error: stage failed: rows is undefined <- task',
      '    step task failure TypeError: rows is undefined',
    ]);
    expect(ledger.recordOf('flow').recoveredFailures).toBe(1);
  });

  it('run while they run', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [task] = start(tracer, 'task', inFlow);
    const running = () => ledger.processor.liveExecutions().map(({ name }) => name);
    expect(running()).toEqual(['flow', 'task']);
    task.end();
    expect(running()).toEqual(['flow']);
    flow.end();
    expect(running()).toEqual([]);
  });

  it('that end twice are recorded once', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow] = start(tracer, 'flow');
    flow.end();
    ledger.processor.onEnd(flow as never);
    expect(ledger.records).toHaveLength(1);
  });

  it('of the same rule and id, one in the other, are one execution', () => {
    const { ledger, tracer } = ledgerWith([
      { scope: 'flows', kind: 'pipeline', id: () => 'job-7', isSetLater: true },
    ]);
    const [outer, inOuter] = start(tracer, 'outer');
    const [inner, inInner] = start(tracer, 'inner', inOuter);
    const [own] = [ledger.tracer.startSpan('GET', {}, inInner)];
    for (const span of [own, inner, outer]) span.end();
    expect(treeOf(ledger.records)).toEqual(['pipeline outer success']);
  });

  it('number their attempts where nobody else does', () => {
    const { ledger, tracer } = ledgerWith([{ scope: 'flows', kind: 'step', attemptKey: ({ name }) => name }]);
    for (const name of ['load', 'load', 'save', 'load']) start(tracer, name)[0].end();
    expect(ledger.records.map(({ name, attempt }) => [name, attempt])).toEqual([
      ['load', 1],
      ['load', 2],
      ['save', 1],
      ['load', 3],
    ]);
  });
});

describe('executions of ours and of other libraries', () => {
  it('nest in each other, and failures climb through both', () => {
    const { ledger, tracer } = ledgerWith();
    const pipeline = ledger.pipeline('nightly');
    const [flow, inFlow] = start(tracer, 'flow', pipeline.context);
    const step = startOwnStep(ledger, 'load', inFlow);
    const [task] = start(tracer, 'task', step.context);
    const error = new TypeError('rows is undefined');
    fail(task, error);
    step.fail(error);
    fail(flow, new Error('the flow failed: rows is undefined'));
    pipeline.fail(new Error('nightly failed', { cause: error }));
    expect(treeOf(ledger.records)).toEqual([
      'pipeline nightly failure Error: nightly failed <- task',
      '  process flow failure Error: the flow failed: rows is undefined <- task',
      '    step load failure TypeError: rows is undefined <- task',
      '      step task failure TypeError: rows is undefined',
    ]);
    expect(new Set(ledger.records.map(({ runId }) => runId)).size).toBe(1);
  });

  it('belong to the nearest one, whatever spans are between', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [request, inRequest] = start(ledger.provider.getTracer('http'), 'GET', inFlow);
    const step = startOwnStep(ledger, 'load', inRequest);
    step.end();
    request.end();
    flow.end();
    expect(treeOf(ledger.records)).toEqual(['pipeline flow success', '  step load success']);
  });

  it('are known when the first step in them starts, where their attributes come late', () => {
    const { ledger, tracer } = ledgerWith([
      { attribute: 'flow.name', executionName: 'flow.name', kind: 'auto' },
    ]);
    const [flow, inFlow] = start(tracer, 'process orders');
    flow.setAttribute('flow.name', 'orders');
    startOwnStep(ledger, 'load', inFlow).end();
    flow.end();
    expect(treeOf(ledger.records)).toEqual(['pipeline orders success', '  step load success']);
  });

  it('share the run of a pipeline of ours that names it', () => {
    const { ledger, tracer } = ledgerWith();
    const [job, inJob] = start(tracer, 'job');
    const attributes = { [ATTR_KIND]: 'pipeline', [ATTR_PIPELINE_NAME]: 'nightly', [ATTR_RUN_ID]: 'run-7' };
    ledger.tracer.startSpan('pipeline nightly', { attributes }, inJob).end();
    job.end();
    expect(treeOf(ledger.records)).toEqual(['pipeline job success', '  pipeline nightly success']);
    expect(ledger.records.map(({ runId }) => runId)).toEqual(['run-7', 'run-7']);
  });

  it('are one where a span becomes ours after it has started', () => {
    const { ledger, tracer } = ledgerWith([{ ...FLOWS, isSetLater: true }]);
    const pipeline = ledger.pipeline('nightly');
    const [job, inJob] = start(tracer, 'process orders', pipeline.context);
    job.setAttributes({ [ATTR_KIND]: 'step', [ATTR_STEP_NAME]: 'orders' });
    const [task] = start(tracer, 'task', inJob);
    task.end();
    job.end();
    pipeline.end();
    expect(treeOf(ledger.records)).toEqual([
      'pipeline nightly success',
      '  step orders success',
      '    step task success',
    ]);
    expect(ledger.recordOf('orders').flags).toBeUndefined();
  });

  it('are told apart where an engine is instrumented: its own spans are none', () => {
    const isInstrumented = (engine: string) => engine === 'bullmq';
    const replay = new Replay({ isInstrumented });
    replay.play(recordingOf('bullmq-otel')).play(recordingOf('appsignal-bullmq'));
    expect(replay.records).toEqual([]);
    expect(new Replay({ isInstrumented }).play(recordingOf('pg-boss')).records).toHaveLength(3);
  });
});

describe('what other libraries do to their spans', () => {
  it('may leave a child behind: it is recorded late, below its parent', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [stage, inStage] = start(tracer, 'stage', inFlow);
    const [task] = start(tracer, 'task', inStage);
    stage.end();
    flow.end();
    task.end();
    expect(treeOf(ledger.records)).toEqual([
      'pipeline flow success',
      '  step stage success',
      '    step task success',
    ]);
    expect(ledger.recordOf('task').flags).toEqual(['late']);
  });

  it('may end spans in any order', () => {
    const { ledger, tracer } = ledgerWith();
    const [flow, inFlow] = start(tracer, 'flow');
    const [stage, inStage] = start(tracer, 'stage', inFlow);
    const [task] = start(tracer, 'task', inStage);
    for (const span of [stage, task, flow]) span.end();
    expect(treeOf(ledger.records)).toEqual([
      'pipeline flow success',
      '  process stage success',
      '    step task success',
    ]);
  });

  it('may hand on spans that never started, children first', () => {
    const { events } = recordingOf('ai-sdk-otel');
    const unseen = events.filter(({ on }) => on === 'end').slice(0, 6);
    const replay = new Replay();
    for (const { span } of unseen) replay.end(span);
    expect(treeOf(replay.records)).toEqual([
      'pipeline forecast success',
      '  process step 1 success',
      '    step chat mock-1 success',
      '    step weather success',
      '  process step 2 success',
      '    step chat mock-1 success',
    ]);
  });

  it.each([
    ['1.x', (span: RecordedSpan) => earlierShape(span)],
    ['2.x and 3.x', (span: RecordedSpan) => span],
  ])('may come in the shape of SDK %s', (_, shaped) => {
    const replay = new Replay();
    for (const { on, span } of recordingOf('pg-boss').events) {
      if (on === 'end') replay.end(shaped(span));
    }
    replay.processor.settle();
    expect(treeOf(replay.records)).toEqual([
      'pipeline mails success',
      'pipeline mails failure MailboxFull: mailbox of ada is full',
      'pipeline mails #2 success',
    ]);
  });

  it('may hang from a parent that never comes, which is waited for and then given up', () => {
    jest.useFakeTimers();
    const replay = new Replay();
    const [, ended] = recordingOf('pg-boss').events.filter(({ span }) => span.name === 'process mails');
    if (ended === undefined) throw new Error('nothing recorded');
    replay.end(earlierShape(ended.span));
    expect(replay.records).toEqual([]);
    jest.advanceTimersByTime(5_000);
    expect(replay.records).toHaveLength(1);
  });
});

describe('spans that are held', () => {
  it('wait a bounded time for the outermost one to end', () => {
    jest.useFakeTimers();
    const { ledger, tracer } = ledgerWith([FLOWS], { recognise: { custom: [FLOWS], holdMillis: 200 } });
    const [flow, inFlow] = start(tracer, 'flow');
    const [task] = start(tracer, 'task', inFlow);
    fail(task, new TypeError('rows is undefined'));
    expect(ledger.records).toEqual([]);
    jest.advanceTimersByTime(400);
    expect(ledger.records.map(({ name }) => name)).toEqual(['task']);
    fail(flow, new Error('rows is undefined, so the flow failed'));
    expect(treeOf(ledger.records)).toEqual([
      'pipeline flow failure Error: rows is undefined, so the flow failed <- task',
      '  step task failure TypeError: rows is undefined',
    ]);
  });

  it('are no more than a bounded number, first to end first', () => {
    const { ledger, tracer } = ledgerWith([FLOWS], { recognise: { custom: [FLOWS], maxHeldSpans: 2 } });
    const [flow, inFlow] = start(tracer, 'flow');
    for (const name of ['a', 'b', 'c']) start(tracer, name, inFlow)[0].end();
    expect(ledger.records.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    start(tracer, 'd', inFlow)[0].end();
    expect(ledger.records).toHaveLength(3);
    flow.end();
    expect(treeOf(ledger.records)[0]).toBe('pipeline flow success');
    expect(ledger.records).toHaveLength(5);
  });

  it.each(['forceFlush', 'shutdown'] as const)('are recorded by %s', async (method) => {
    const { ledger, tracer } = ledgerWith();
    const [, inFlow] = start(tracer, 'flow');
    start(tracer, 'task', inFlow)[0].end();
    await ledger.processor[method]();
    expect(ledger.records.map(({ name }) => name)).toEqual(['task']);
  });

  it('do not keep a chain of spans that each start in the one before', async () => {
    const { stdout } = await runNode('processor/fixtures/chained-foreign.ts');
    const { growthMiB, records } = JSON.parse(stdout) as { growthMiB: number; records: number };
    expect(records).toBe(20_001);
    expect(growthMiB).toBeLessThan(10);
  });
});

describe('a rule', () => {
  it('that throws is as good as none, and is told of once', () => {
    const throwing: SpanRule = {
      scope: 'flows',
      kind: () => {
        throw new Error('hostile');
      },
    };
    const error = jest.fn();
    diag.setLogger({ error, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR);
    const { ledger, tracer } = ledgerWith([throwing, FLOWS]);
    for (const name of ['a', 'b']) start(tracer, name)[0].end();
    diag.disable();
    expect(ledger.records.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(error.mock.calls).toEqual([[expect.stringContaining('recognisers'), new Error('hostile')]]);
  });

  it.each<[string, SpanRule, readonly string[]]>([
    ['the scope', { scope: /^flo/, kind: 'step' }, ['load', 'save']],
    ['the name', { spanName: 'load', kind: 'step' }, ['load']],
    ['the name, by a pattern that remembers', { spanName: /a/g, kind: 'step' }, ['load', 'save']],
    ['an attribute', { attribute: 'rows', kind: 'step' }, ['save']],
    ['all of them', { scope: 'flows', spanName: 'save', attribute: 'rows', kind: 'step' }, ['save']],
    ['a scope nobody has', { scope: 'flow', kind: 'step' }, []],
  ])('knows spans by %s', (_, rule, names) => {
    const { ledger, tracer } = ledgerWith([rule]);
    start(tracer, 'load')[0].end();
    tracer.startSpan('save', { attributes: { rows: 7 } }).end();
    expect(ledger.records.map(({ name }) => name)).toEqual(names);
  });

  it('says what a record holds, by attributes and by functions', () => {
    const rule: SpanRule = {
      scope: 'flows',
      kind: 'pipeline',
      executionName: 'flow.name',
      runId: 'flow.run',
      correlationId: ({ attributes }) => attributes['flow.order'],
      attempt: 'flow.try',
      ending: () => ({ outcome: 'skip', skipReason: 'nothing new', isFinal: true }),
      attributes: () => ({ 'runledger.rows.out': 3 }),
    };
    const { ledger, tracer } = ledgerWith([rule]);
    const attributes = { 'flow.name': 'orders', 'flow.run': 7, 'flow.order': 'order-7', 'flow.try': 2 };
    tracer.startSpan('execute', { attributes }).end();
    expect(ledger.recordOf('orders')).toMatchObject({
      kind: 'pipeline',
      runId: '7',
      correlationId: 'order-7',
      attempt: 2,
      outcome: 'skip',
      skipReason: 'nothing new',
      final: true,
      rowsOut: 3,
    });
  });

  it('of its own comes before those that are known', () => {
    const rule: SpanRule = { scope: 'pg-boss', kind: 'ignore' };
    expect(new Replay({ recognise: { custom: [rule] } }).play(recordingOf('pg-boss')).records).toEqual([]);
  });

  it.each([
    ['recognise must be true, false or an object', 7],
    ['unknown option recognise.rule; known are rules, custom, holdMillis, maxHeldSpans', { rule: {} }],
    ['unknown rules recognise.rules.bull', { rules: { bull: true } }],
    ['recognise.rules.effect must be true or false', { rules: { effect: 1 } }],
    ['recognise.holdMillis (0) must be an integer from 1', { holdMillis: 0 }],
    ['recognise.maxHeldSpans (1.5) must be an integer', { maxHeldSpans: 1.5 }],
    ['recognise.custom must be a list of rules', { custom: {} }],
    ['recognise.custom[0] must be an object', { custom: [null] }],
    ['recognise.custom[0] needs a kind', { custom: [{ scope: 'a' }] }],
    ['recognise.custom[0].kind must be a function or one of', { custom: [{ scope: 'a', kind: 'job' }] }],
    ['recognise.custom[0] needs a scope, a spanName or an attribute', { custom: [{ kind: 'step' }] }],
    ['unknown recognise.custom[0].nam', { custom: [{ nam: 'a', kind: 'step' }] }],
  ])('that can not work is refused: %s', (problem, recognise) => {
    expect(() => new TracedLedger({ recognise: recognise as never })).toThrow(problem);
  });
});

function startOwnStep(ledger: TracedLedger, name: string, parent: Context): TracedExecution {
  const around = new TracedExecution(ledger.tracer, ledger.tracer.startSpan('unused'), parent);
  return around.step(name);
}

/** The shape spans had in SDK 1.x. */
function earlierShape(span: RecordedSpan): RecordedSpan {
  const { parentSpanContext, instrumentationScope, ...rest } = span;
  return {
    ...rest,
    ...(parentSpanContext !== undefined && { parentSpanId: parentSpanContext.spanId }),
    ...(instrumentationScope !== undefined && { instrumentationLibrary: instrumentationScope }),
  };
}

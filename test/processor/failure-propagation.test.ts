import { describe, expect, it } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { ATTR_FAILED_STEP, ATTR_RECOVERED_FAILURES } from '../../src/semconv.ts';
import { type TracedExecution, TracedLedger } from '../support/traced-executions.ts';

describe('failure propagation', () => {
  it('counts a failure that a retry made good, and leaves the successful parents without an error', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const extract = run.process('extract');
    const http = extract.foreign('GET /orders');
    http.step('download').fail(new Error('socket hang up'));
    http.end();
    extract.step('download', { 'runledger.attempt': 2 }).end();
    extract.end();
    run.end();

    expect(ledger.recordOf('extract')).toMatchObject({ outcome: 'success', recoveredFailures: 1 });
    expect(ledger.recordOf('nightly-orders')).toMatchObject({ outcome: 'success', recoveredFailures: 0 });
    for (const name of ['extract', 'nightly-orders']) {
      expect(ledger.recordOf(name).failedStep).toBeUndefined();
      expect(ledger.recordOf(name).error).toBeUndefined();
      expect(ledger.recordOf(name).errorType).toBeUndefined();
    }
  });

  it('names the first of two parallel failures, counts both in their process and one in the pipeline', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const extract = run.process('extract');
    const first = extract.step('First');
    const second = extract.step('Second');
    const errors = [new Error('no orders'), new Error('no prices')];
    first.fail(errors[0]);
    second.fail(errors[1]);
    const all = new AggregateError(errors, 'extract failed');
    extract.fail(all);
    run.fail(all);

    const firstId = ledger.recordOf('First').recordId;
    const secondId = ledger.recordOf('Second').recordId;
    expect(ledger.recordOf('extract')).toMatchObject({
      outcome: 'failure',
      failedStep: 'First',
      failedRecordId: firstId,
      failedCount: 2,
      recoveredFailures: 0,
    });
    expect(JSON.parse(ledger.recordOf('extract').failedSteps ?? '')).toEqual([
      { name: 'First', record_id: firstId },
      { name: 'Second', record_id: secondId },
    ]);
    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      failedStep: 'First',
      failedRecordId: firstId,
      failedCount: 1,
    });
    expect(ledger.processor.liveExecutions()).toEqual([]);
  });

  it('gives the same answer for parallel failures when nobody kept an error', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const extract = run.process('extract');
    const first = extract.step('First');
    const second = extract.step('Second');
    first.failSilently();
    second.failSilently();
    extract.failSilently();
    run.failSilently();

    expect(ledger.recordOf('extract')).toMatchObject({ failedStep: 'First', failedCount: 2 });
    expect(ledger.recordOf('nightly-orders')).toMatchObject({ failedStep: 'First', failedCount: 1 });
    expect(ledger.processor.liveExecutions()).toEqual([]);
  });

  it('agrees with the error that was thrown, not with the order of the ends', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const first = run.step('First');
    const second = run.step('Second');
    const thrown = new Error('timeout');
    second.fail(new Error('timeout'));
    first.fail(thrown);
    run.fail(thrown);

    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      failedStep: 'First',
      failedRecordId: ledger.recordOf('First').recordId,
      failedCount: 1,
      recoveredFailures: 1,
    });
  });

  it('propagates a failure without an error as _OTHER', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('load').failSilently();
    run.failSilently();

    expect(ledger.recordOf('load')).toMatchObject({
      outcome: 'failure',
      errorType: '_OTHER',
      error: '_OTHER',
    });
    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      outcome: 'failure',
      errorType: '_OTHER',
      failedStep: 'load',
      failedCount: 1,
    });
  });

  it('takes over the error fields of the root where the parent failed without an error', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const extract = run.process('extract');
    extract.step('download').fail(Object.assign(new TypeError('bad response'), { code: 'E_RESPONSE' }));
    extract.failSilently();
    run.failSilently();

    const step = ledger.recordOf('download');
    for (const name of ['extract', 'nightly-orders']) {
      const { error, errorType, errorMessage, errorCode, errorFingerprint, failedStep } =
        ledger.recordOf(name);
      expect({ error, errorType, errorMessage, errorCode, errorFingerprint, failedStep }).toEqual({
        error: 'TypeError: bad response',
        errorType: 'TypeError',
        errorMessage: 'bad response',
        errorCode: 'E_RESPONSE',
        errorFingerprint: step.errorFingerprint,
        failedStep: 'download',
      });
      expect(ledger.recordOf(name).errorStack).toBeUndefined();
    }
  });

  it('records no error on an execution that succeeded after one', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const step = run.step('load');
    step.span.recordException(new Error('first try failed'));
    step.end({ error: new Error('first try failed'), outcome: 'success' });
    run.end();

    expect(ledger.recordOf('load').outcome).toBe('success');
    expect(ledger.recordOf('load').error).toBeUndefined();
    expect(ledger.recordOf('nightly-orders')).toMatchObject({ outcome: 'success', recoveredFailures: 0 });
  });

  it('keeps the own error of a parent that failed by itself, and counts its failed children as recovered', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const extract = run.process('extract');
    extract.step('download').fail(new Error('socket hang up'));
    extract.fail(new Error('configuration is missing'));
    run.failSilently();

    const process = ledger.recordOf('extract');
    expect(process).toMatchObject({ errorMessage: 'configuration is missing', recoveredFailures: 1 });
    expect(process.failedStep).toBeUndefined();
    expect(process.failedRecordId).toBeUndefined();
    expect(process.failedCount).toBeUndefined();
    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      failedStep: 'extract',
      failedRecordId: process.recordId,
      errorMessage: 'configuration is missing',
    });
  });

  const rootError = new Error('connection refused');
  it.each([
    ['the same object', rootError],
    ['a cause', new Error('load failed', { cause: new Error('retry failed', { cause: rootError }) })],
    ['a member of an aggregate', new AggregateError([new Error('another'), rootError])],
    ['a copy of it', new Error('connection refused')],
    ['its message within another', new Error('load failed: connection refused (3 attempts)')],
  ])('links a parent by %s', (_, thrown) => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('prepare').fail(new Error('not connected with it'));
    run.step('load').fail(rootError);
    run.fail(thrown);

    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      failedStep: 'load',
      failedRecordId: ledger.recordOf('load').recordId,
      failedCount: 1,
      recoveredFailures: 1,
      errorFingerprint: ledger.recordOf('load').errorFingerprint,
    });
  });

  it('links a parent that unwrapped the cause of its child', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('load').fail(new Error('load failed', { cause: rootError }));
    run.fail(rootError);

    expect(ledger.recordOf('nightly-orders').failedStep).toBe('load');
  });

  it('does not link by a message that is too short to prove anything', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('load').fail(new RangeError('failed'));
    run.fail(new Error('the run failed'));

    expect(ledger.recordOf('nightly-orders').failedStep).toBeUndefined();
  });

  it('keeps the stack on the record that failed first, and on a parent with an error of its own', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const extract = run.process('extract');
    extract.step('download').fail(rootError);
    extract.fail(rootError);
    run.fail(new Error('run failed', { cause: rootError }));

    expect(ledger.recordOf('download').errorStack).toContain('connection refused');
    expect(ledger.recordOf('extract').errorStack).toBeUndefined();
    expect(ledger.recordOf('extract').failedRecordId).toBe(ledger.recordOf('download').recordId);
    expect(ledger.recordOf('nightly-orders').errorStack).toContain('run failed');
    expect(JSON.parse(ledger.recordOf('nightly-orders').errorChain ?? '')).toEqual([
      { type: 'Error', message: 'run failed' },
      { type: 'Error', message: 'connection refused' },
    ]);
  });

  it('passes over failures that a later attempt made good when the parent has no error', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('download').fail(new Error('socket hang up'));
    run.step('download').end();
    run.step('load').fail(new Error('disk full'));
    run.failSilently();

    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      failedStep: 'load',
      failedCount: 1,
      recoveredFailures: 1,
    });
  });

  it('does not take a sibling of the same name that ran beside it for a later attempt', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const [one, other] = [run.step('item'), run.step('item')];
    one.fail(new Error('bad item'));
    other.end();
    run.failSilently();

    expect(ledger.records.at(-1)).toMatchObject({ failedStep: 'item', failedCount: 1 });
  });

  it.each(['cancellation', 'skip', 'rejection'] as const)('lets no %s climb', (outcome) => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('load').end({ outcome, error: rootError });
    run.fail(rootError);

    const pipeline = ledger.recordOf('nightly-orders');
    expect(pipeline).toMatchObject({ errorMessage: 'connection refused', recoveredFailures: 0 });
    expect(pipeline.failedStep).toBeUndefined();
  });

  it('counts failures of a cancelled parent as recovered', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    run.step('load').fail(rootError);
    run.end({ outcome: 'cancellation', error: new DOMException('stopped', 'AbortError') });

    const pipeline = ledger.recordOf('nightly-orders');
    expect(pipeline).toMatchObject({
      outcome: 'cancellation',
      errorType: 'AbortError',
      recoveredFailures: 1,
    });
    expect(pipeline.failedStep).toBeUndefined();
    expect(pipeline.errorFingerprint).toBeUndefined();
  });

  it('links the error a retry loop gave up with, after any number of attempts', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    let last: unknown;
    for (let attempt = 1; attempt <= 50; attempt++) {
      last = new Error(`attempt ${attempt}`);
      run.step('load', { 'runledger.attempt': attempt }).fail(last);
    }
    run.fail(last);

    const lastStep = ledger.records.find(({ attempt }) => attempt === 50);
    expect(ledger.recordOf('nightly-orders')).toMatchObject({
      failedStep: 'load',
      failedRecordId: lastStep?.recordId,
      failedCount: 1,
      recoveredFailures: 49,
    });
  });

  it('counts every member of an aggregate, also beyond those it remembers', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const errors = Array.from({ length: 100 }, (_, index) => new Error(`item ${index} is broken`));
    for (const error of errors) run.step('item').fail(error);
    run.fail(new AggregateError(errors));

    const pipeline = ledger.recordOf('nightly-orders');
    expect(pipeline).toMatchObject({ failedStep: 'item', failedCount: 100, recoveredFailures: 0 });
    expect(JSON.parse(pipeline.failedSteps ?? '')).toHaveLength(8);
  });

  it.each(permutationsOf([0, 1, 2, 3, 4]))(
    'names the failure to end first for ends in order %j',
    (...order) => {
      const ledger = new TracedLedger();
      const run = ledger.pipeline();
      const steps = order.toSorted().map((index) => run.step(`step-${index}`));
      const errors = steps.map((_, index) => new Error(`failure number ${index}`));
      for (const index of order) steps[index]?.fail(errors[index]);
      run.fail(new AggregateError(errors));

      const ended = ledger.records.slice(0, 5).map(({ name, recordId }) => ({ name, record_id: recordId }));
      const pipeline = ledger.recordOf('nightly-orders');
      expect(ended.map(({ name }) => name)).toEqual(order.map((index) => `step-${index}`));
      expect(pipeline).toMatchObject({ failedStep: ended[0]?.name, failedRecordId: ended[0]?.record_id });
      expect(pipeline.failedCount).toBe(5);
      expect(JSON.parse(pipeline.failedSteps ?? '')).toEqual(ended);
    },
  );

  it('keeps a child that ends after its parent, marked, and leaves the parent as it is', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const late = run.step('late');
    const thrown = new Error('other');
    run.fail(thrown);
    late.fail(thrown);

    expect(ledger.recordOf('late')).toMatchObject({
      flags: ['late'],
      outcome: 'failure',
      parentRecordId: ledger.recordOf('nightly-orders').recordId,
    });
    expect(ledger.recordOf('nightly-orders').failedStep).toBeUndefined();
    expect(ledger.records).toHaveLength(2);
  });

  it.each([
    ['in the context', false],
    ['only in its parent spans', true],
  ])('finds the parent execution %s through spans of other libraries', (_, detached) => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const foreign = run.foreign('queue', detached).foreign('GET', detached);
    const step = foreign.step('load');
    step.fail(rootError);
    foreign.end();
    run.fail(rootError);

    expect(ledger.recordOf('load')).toMatchObject({
      parentRecordId: ledger.recordOf('nightly-orders').recordId,
      runId: ledger.recordOf('nightly-orders').recordId,
      pipeline: 'nightly-orders',
    });
    expect(ledger.recordOf('nightly-orders').failedStep).toBe('load');
  });

  it('climbs any number of levels, from nested pipelines too', () => {
    const ledger = new TracedLedger();
    const chain: TracedExecution[] = [ledger.pipeline('top')];
    for (let depth = 0; depth < 20; depth++) {
      const parent = chain.at(-1) as TracedExecution;
      chain.push(depth % 2 === 0 ? parent.process(`process-${depth}`) : parent.pipeline(`pipeline-${depth}`));
    }
    (chain.at(-1) as TracedExecution).step('load').fail(rootError);
    for (const execution of chain.toReversed())
      execution.fail(new Error('failed below', { cause: rootError }));

    const [step, ...parents] = ledger.records;
    expect(parents).toHaveLength(21);
    for (const parent of parents) {
      expect(parent).toMatchObject({ failedStep: 'load', failedRecordId: step?.recordId });
    }
  });

  it('shows the failed step and the recovered failures in the trace, and nothing where all went well', () => {
    const spans = new InMemorySpanExporter();
    const ledger = new TracedLedger({ others: [new SimpleSpanProcessor({ exporter: spans })] });
    const run = ledger.pipeline();
    const extract = run.process('extract');
    extract.step('cache').fail(new Error('no cache'));
    extract.step('download').fail(rootError);
    extract.fail(rootError);
    run.process('fine').end();
    run.fail(rootError);

    const attributesOf = (name: string) => {
      const span = spans.getFinishedSpans().find((finished) => finished.name === name);
      return [span?.attributes[ATTR_FAILED_STEP], span?.attributes[ATTR_RECOVERED_FAILURES]];
    };
    expect(attributesOf('pipeline nightly-orders')).toEqual(['download', undefined]);
    expect(attributesOf('process extract')).toEqual(['download', 1]);
    expect(attributesOf('process fine')).toEqual([undefined, undefined]);
    expect(attributesOf('step download')).toEqual([undefined, undefined]);
  });

  it('takes the error of a span without an error object from its exception event', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline();
    const step = run.step('load');
    step.span.recordException(new RangeError('out of range'));
    step.span.setStatus({ code: SpanStatusCode.ERROR, message: 'load failed' });
    step.span.end();
    run.failSilently();

    expect(ledger.recordOf('load')).toMatchObject({
      outcome: 'failure',
      errorType: 'RangeError',
      errorMessage: 'out of range',
    });
    expect(ledger.recordOf('load').errorStack).toContain('RangeError: out of range');
    expect(ledger.recordOf('nightly-orders')).toMatchObject({ failedStep: 'load', errorType: 'RangeError' });
  });
});

function permutationsOf(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) =>
    permutationsOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

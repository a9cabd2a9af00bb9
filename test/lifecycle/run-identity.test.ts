import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace';
import { adoptSpan, beforeEnd } from '../../src/lifecycle/adopted-execution.ts';
import { linksTo } from '../../src/lifecycle/links.ts';
import { runPipeline, startPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { sharedIds } from '../../src/lifecycle/shared-record.ts';
import { ExecutionSpanProcessor } from '../../src/processor/execution-span-processor.ts';
import { recordExecutions } from '../../src/processor/record-sampler.ts';
import { CollectingExporter } from '../support/collecting-exporter.ts';
import { Telemetry } from '../support/telemetry.ts';

const CREATED = Date.UTC(2026, 10, 20);

let exporter: CollectingExporter;
let processor: ExecutionSpanProcessor;
let telemetry: Telemetry;
beforeEach(() => {
  exporter = new CollectingExporter();
  processor = new ExecutionSpanProcessor({ exporter });
  telemetry = new Telemetry({ processors: [processor] });
});
afterEach(() => telemetry.stop());

/** A span another library makes around its work, as `bullmq-otel` does. */
function nativeSpan(work: () => void): void {
  trace.getTracer('engine').startActiveSpan('process orders', (span) => {
    work();
    span.end();
  });
}

describe('an execution that started before it is told of', () => {
  it('has the start it is given on its span, its record and its metric', async () => {
    const startTime = Date.now() - 60_000;
    startPipeline('nightly', { startTime }).end();

    const [record] = exporter.records;
    expect(record?.startedAt).toBe(startTime);
    expect(record?.durationMs).toBeGreaterThanOrEqual(60_000);
    const [duration] = await telemetry.histogram('runledger.execution.duration');
    expect(duration?.value.sum).toBeGreaterThanOrEqual(60);
  });

  it.each([Number.NaN, -1, new Date('never'), 'yesterday' as never])(
    'starts now where %p is no time',
    (at) => {
      const before = Date.now();
      startPipeline('nightly', { startTime: at }).end();
      expect(exporter.recordOf('nightly').startedAt).toBeGreaterThanOrEqual(before - 1);
    },
  );
});

describe('an adopted span', () => {
  it('is the execution, and the only span of it', () => {
    nativeSpan(() => {
      const span = trace.getActiveSpan();
      if (span === undefined) throw new Error('no span is active');
      const job = adoptSpan(span, 'process', 'charge', { attempt: 2, correlationId: 'order-17' });
      job.run(() => runPipeline('inner', () => {}));
      job.end();
    });

    const span = telemetry.span('process orders');
    expect(telemetry.spans).toHaveLength(2);
    expect(exporter.recordOf('charge')).toMatchObject({
      kind: 'process',
      attempt: 2,
      correlationId: 'order-17',
      outcome: 'success',
      spanId: span.spanContext().spanId,
    });
    expect(exporter.recordOf('charge').flags).toBeUndefined();
    expect(exporter.recordOf('inner')).toMatchObject({
      parentRecordId: exporter.recordOf('charge').recordId,
      runId: exporter.recordOf('charge').runId,
    });
  });

  it('is known to run, by every processor, from when it is adopted to its end', () => {
    const other = new ExecutionSpanProcessor({ exporter: new CollectingExporter() });
    telemetry.stop();
    telemetry = new Telemetry({ processors: [processor, other] });
    const running = () => [processor, other].map((each) => each.liveExecutions().map(({ name }) => name));

    nativeSpan(() => {
      expect(running()).toEqual([[], []]);
      const job = adoptSpan(trace.getActiveSpan() as Span, 'process', 'charge');
      expect(running()).toEqual([['charge'], ['charge']]);
      job.end();
    });
    expect(running()).toEqual([[], []]);
  });

  it('belongs to the execution it runs in, and fails it', () => {
    const error = new RangeError('no stock');
    const run = () =>
      runPipeline('nightly', () => {
        nativeSpan(() => {
          const job = adoptSpan(trace.getActiveSpan() as never, 'process', 'charge');
          job.fail(error);
        });
        throw error;
      });

    expect(run).toThrow(error);
    expect(telemetry.span('process orders').status).toEqual({
      code: SpanStatusCode.ERROR,
      message: 'no stock',
    });
    expect(exporter.recordOf('charge')).toMatchObject({
      outcome: 'failure',
      errorType: 'RangeError',
      parentRecordId: exporter.recordOf('nightly').recordId,
    });
    expect(exporter.recordOf('nightly')).toMatchObject({ failedStep: 'charge', outcome: 'failure' });
  });

  it('can be ended at the last moment, by what nobody told the end of', () => {
    nativeSpan(() => {
      const span = trace.getActiveSpan() as Span;
      const job = adoptSpan(span, 'process', 'charge');
      beforeEnd(span, () => job.end('error', new Error('the worker was lost')));
    });
    expect(exporter.recordOf('charge')).toMatchObject({
      outcome: 'error',
      errorMessage: 'the worker was lost',
    });
  });

  it('ends where what is to be done before throws', () => {
    nativeSpan(() => {
      beforeEnd(trace.getActiveSpan() as Span, () => {
        throw new Error('not this one');
      });
    });
    expect(telemetry.span('process orders').ended).toBe(true);
  });

  it('is taken along by what the library starts in it', () => {
    nativeSpan(() => {
      const job = adoptSpan(trace.getActiveSpan() as never, 'process', 'charge');
      job.run(() =>
        trace.getTracer('http').startActiveSpan('GET', (span) => {
          runPipeline('inner', () => {});
          span.end();
        }),
      );
      job.end();
    });
    expect(exporter.recordOf('inner').parentRecordId).toBe(exporter.recordOf('charge').recordId);
  });

  it('that is not recorded is left alone: the execution has a span of its own', () => {
    telemetry.stop();
    telemetry = new Telemetry({
      processors: [new ExecutionSpanProcessor({ exporter })],
      sampler: recordExecutions(new AlwaysOffSampler()) as never,
    });
    nativeSpan(() => {
      adoptSpan(trace.getActiveSpan() as never, 'process', 'charge').end();
    });
    expect(exporter.recordOf('charge')).toMatchObject({ kind: 'process', outcome: 'success' });
  });
});

describe('links', () => {
  it('lead to executions, spans and headers, and say what they mean', () => {
    const first = startPipeline('first');
    const { traceId, spanId } = first.span.spanContext();
    first.end();
    const header = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const links = [
      ...linksTo('replay', first),
      ...linksTo('trigger', header, first.span.spanContext(), 'no header', undefined),
    ];
    startPipeline('second', { links }).end();

    const made = telemetry.span('pipeline second').links;
    expect(
      made.map(({ context: to, attributes }) => [attributes?.['runledger.link.kind'], to.spanId]),
    ).toEqual([
      ['replay', spanId],
      ['trigger', 'b'.repeat(16)],
      ['trigger', spanId],
    ]);
    expect(made[0]?.context.traceId).toBe(traceId);
  });
});

describe('a record several processes write', () => {
  const ids = sharedIds(CREATED, 'orders:17:1');

  it('has ids that depend on time and name alone, and sort by time', () => {
    expect(sharedIds(CREATED, 'orders:17:1')).toEqual(ids);
    expect(sharedIds(CREATED, 'orders:18:1')).not.toEqual(ids);
    expect(sharedIds(CREATED + 1, 'a').recordId > ids.recordId).toBe(true);
    expect(sharedIds(CREATED + 1, 'a').runId > ids.runId).toBe(true);
    expect(ids.recordId).toMatch(/^[0-9a-f]{29}$/);
    expect(ids.runId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('is suspended while the work is put off, and one record when it is done', () => {
    const { runId, recordId } = ids;
    const first = startPipeline('charge', { runId, record: { id: recordId, segment: 3 } });
    expect(first.recordId).toBe(recordId);
    first.defer('rate limited');
    first.end();
    // As another process would: it shares nothing with the first but the ids.
    const other = new CollectingExporter();
    telemetry.stop();
    telemetry = new Telemetry({ processors: [new ExecutionSpanProcessor({ exporter: other })] });
    startPipeline('charge', { runId, record: { id: recordId, segment: 4 } }).end();

    expect(exporter.records).toEqual([
      expect.objectContaining({ recordId, runId, state: 'suspended', rev: 5 }),
    ]);
    expect(other.records).toEqual([
      expect.objectContaining({ recordId, runId, state: 'ended', outcome: 'success', rev: 8 }),
    ]);
  });

  it('counts from its first start where the process that goes on with it knows that', () => {
    const startedAt = Date.now() - 5_000;
    startPipeline('charge', {
      record: { id: ids.recordId, segment: 2, startedAt, suspendedMs: 4_000 },
    }).end();
    expect(exporter.recordOf('charge')).toMatchObject({ startedAt, suspendedMs: 4_000 });
    expect(exporter.recordOf('charge').durationMs).toBeGreaterThanOrEqual(5_000);
  });

  it('is what work inside of it hangs below, in every stretch', () => {
    const pipeline = startPipeline('charge', { record: { id: ids.recordId, segment: 1 } });
    pipeline.run(() => runPipeline('inner', () => {}));
    pipeline.end();
    expect(exporter.recordOf('inner').parentRecordId).toBe(ids.recordId);
    expect(context.active()).toBe(ROOT_CONTEXT);
    expect(propagation.getActiveBaggage()).toBeUndefined();
  });
});

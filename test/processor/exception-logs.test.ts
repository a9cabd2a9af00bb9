import { describe, expect, it } from '@jest/globals';
import { type Context, ROOT_CONTEXT, type SpanContext, SpanStatusCode, trace } from '@opentelemetry/api';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { ExceptionLogProcessor } from '../../src/processor/exception-log-processor.ts';
import { TracedLedger } from '../support/traced-executions.ts';

const logger = new LoggerProvider({ processors: [new ExceptionLogProcessor()] }).getLogger('library');

/** A step of a library that reports its exceptions as log records: no error object, no event. */
function failedStep(report: (context: Context) => void, message?: string) {
  const ledger = new TracedLedger();
  const step = ledger.step('load');
  report(step.context);
  step.span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  step.end();
  return ledger.recordOf('load');
}

describe('an exception that is reported as a log record', () => {
  it('gives the record of its execution type, message and stack', () => {
    const error = new TypeError('rows is undefined');
    const record = failedStep((context) => logger.emit({ exception: error, context }));
    expect(record).toMatchObject({
      outcome: 'failure',
      error: 'TypeError: rows is undefined',
      errorType: 'TypeError',
      errorMessage: 'rows is undefined',
      errorStack: error.stack,
    });
  });

  it('counts when it is the newest of several', () => {
    const record = failedStep((context) => {
      logger.emit({ exception: new Error('the first try'), context });
      logger.emit({ exception: new RangeError('the last try'), context });
    });
    expect(record.error).toBe('RangeError: the last try');
  });

  it('adds what an exception event of the same message lacks', () => {
    const record = failedStep((context) => {
      trace.getSpan(context)?.addEvent('exception', { 'exception.message': 'rows is undefined' });
      logger.emit({ exception: new TypeError('rows is undefined'), context });
    });
    expect(record).toMatchObject({
      errorType: 'TypeError',
      errorStack: expect.stringContaining('TypeError'),
    });
  });

  it('adds nothing to an exception event of another message', () => {
    const record = failedStep((context) => {
      logger.emit({ exception: new TypeError('a retried call'), context });
      trace.getSpan(context)?.recordException(new RangeError('gave up'));
    });
    expect(record.error).toBe('RangeError: gave up');
  });

  it('is no failure where the execution succeeded', () => {
    const ledger = new TracedLedger();
    const step = ledger.step('load');
    logger.emit({ exception: new Error('dealt with'), context: step.context });
    step.end();
    expect(ledger.recordOf('load')).toMatchObject({ outcome: 'success' });
    expect(ledger.recordOf('load').error).toBeUndefined();
  });

  it('climbs to the parents as any failure does', () => {
    const ledger = new TracedLedger();
    const pipeline = ledger.pipeline('import');
    const step = pipeline.step('load');
    logger.emit({ exception: new TypeError('rows is undefined'), context: step.context });
    step.failSilently();
    pipeline.failSilently();
    expect(ledger.recordOf('import')).toMatchObject({
      error: 'TypeError: rows is undefined',
      failedStep: 'load',
    });
  });

  it('of one span is not that of another', () => {
    const ledger = new TracedLedger();
    const [download, load] = [ledger.step('download'), ledger.step('load')];
    logger.emit({ exception: new Error('not of load'), context: download.context });
    load.failSilently();
    download.end();
    expect(ledger.recordOf('load').error).toBe('_OTHER');
  });
});

describe('the processor of log records', () => {
  it.each([
    ['without a span', ROOT_CONTEXT, new Error('lost')],
    ['that is no exception', undefined, undefined],
  ])('leaves a record alone %s', (_, context, exception) => {
    const record = failedStep((active) =>
      logger.emit({ body: 'hello', exception, context: context ?? active }),
    );
    expect(record.error).toBe('_OTHER');
  });

  it.each([
    ['nothing', undefined],
    ['attributes that throw', { spanContext: validContext(), attributes: throwing() }],
    ['a span context that throws', Object.defineProperty({ attributes: {} }, 'spanContext', { get: raise })],
    ['attributes of other types', { spanContext: validContext(), attributes: { 'exception.type': 7 } }],
  ])('never throws: %s', (_, record) => {
    expect(() => new ExceptionLogProcessor().onEmit(record as never)).not.toThrow();
  });

  it('keeps no more than the newest exceptions', () => {
    const ledger = new TracedLedger();
    const step = ledger.step('load');
    logger.emit({ exception: new Error('forgotten'), context: step.context });
    for (let count = 0; count < 500; count++) {
      const span = ledger.tracer.startSpan('GET');
      logger.emit({ exception: new Error('another'), context: trace.setSpan(ROOT_CONTEXT, span) });
    }
    step.failSilently();
    expect(ledger.recordOf('load').error).toBe('_OTHER');
  });

  it('has nothing to flush or to shut down', async () => {
    const processor = new ExceptionLogProcessor();
    await expect(processor.forceFlush()).resolves.toBeUndefined();
    await expect(processor.shutdown()).resolves.toBeUndefined();
  });
});

function validContext(): SpanContext {
  return { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
}

function throwing(): object {
  return Object.defineProperty({}, 'exception.type', { get: raise });
}

function raise(): never {
  throw new Error('hostile');
}

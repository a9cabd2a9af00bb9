import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import type { RecordExporter } from '../../src/export/record-exporter.ts';
import { ATTR_KIND } from '../../src/semconv.ts';
import { CollectingExporter } from '../support/collecting-exporter.ts';
import { TracedLedger } from '../support/traced-executions.ts';

describe('the span processor', () => {
  afterEach(() => diag.disable());

  it('lets no failure of the exporter reach the application or later processors, and reports it once', async () => {
    const error = jest.fn();
    diag.setLogger({ error, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR);
    const spans = new InMemorySpanExporter();
    const ledger = new TracedLedger({
      exporter: new BrokenExporter(),
      others: [new SimpleSpanProcessor({ exporter: spans })],
    });
    for (let count = 0; count < 3; count++) ledger.pipeline().end();

    expect(spans.getFinishedSpans()).toHaveLength(3);
    expect(error).toHaveBeenCalledTimes(1);
    await ledger.processor.forceFlush();
    await ledger.processor.shutdown();
    expect(error).toHaveBeenCalledTimes(3);
  });

  it('survives a logger that throws', () => {
    const fail = () => {
      throw new Error('broken logger');
    };
    diag.setLogger(
      { error: fail, warn: fail, info: fail, debug: fail, verbose: fail },
      { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
    );
    const ledger = new TracedLedger({ exporter: new BrokenExporter() });

    expect(() => ledger.pipeline().end()).not.toThrow();
  });

  it('records nothing for spans that are no executions', () => {
    const ledger = new TracedLedger();
    ledger.tracer.startSpan('GET').end();
    ledger.tracer.startSpan('GET', { attributes: { [ATTR_KIND]: 'no such kind' } }).end();

    expect(ledger.records).toEqual([]);
  });

  it('keeps a failure of whatever was thrown, with a text for it', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }),
        (thrown) => {
          const ledger = new TracedLedger();
          const run = ledger.pipeline();
          run.step('load').fail(thrown);
          run.fail(thrown);

          const step = ledger.recordOf('load');
          expect(step.outcome).toBe('failure');
          expect(step.errorType).toEqual(expect.stringMatching(/./));
          expect(step.error?.startsWith(step.errorType ?? '?')).toBe(true);
          expect(ledger.recordOf('nightly-orders')).toMatchObject({
            failedStep: 'load',
            failedRecordId: step.recordId,
            errorFingerprint: step.errorFingerprint,
          });
        },
      ),
      { numRuns: 1_000, seed: 4 },
    );
  });

  it('keeps identity within the limits of the SDK, which drop what comes last', () => {
    const ledger = new TracedLedger({ spanLimits: { attributeCountLimit: 4 } });
    const step = ledger.pipeline().step('load', { 'runledger.attempt': 2 });
    for (let index = 0; index < 10_000; index++) step.span.setAttribute(`user.${index}`, index);
    step.end();

    expect(ledger.recordOf('load')).toMatchObject({ kind: 'step', pipeline: 'nightly-orders', attempt: 2 });
  });

  it('does not let a choice of attributes that throws cost the record', () => {
    const ledger = new TracedLedger({
      captureAttributes: () => {
        throw new Error('broken choice');
      },
    });
    ledger.step('load', { 'user.key': 1 }).end();

    expect(ledger.recordOf('load').attributes).toBeUndefined();
  });
});

class BrokenExporter extends CollectingExporter implements RecordExporter {
  override export(): void {
    throw new Error('broken exporter');
  }

  override async forceFlush(): Promise<void> {
    throw new Error('broken flush');
  }

  override async shutdown(): Promise<never> {
    throw new Error('broken shutdown');
  }
}

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  type Sampler,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace';
import { recordExecutions } from '../../src/processor/record-sampler.ts';
import { TracedLedger } from '../support/traced-executions.ts';

describe('recordExecutions', () => {
  afterEach(() => diag.disable());

  it('records every execution of a trace that is not sampled, and exports none of its spans', () => {
    const spans = new InMemorySpanExporter();
    const ledger = new TracedLedger({
      sampler: recordExecutions(new AlwaysOffSampler()),
      others: [new SimpleSpanProcessor({ exporter: spans })],
    });
    const error = new Error('connection refused');
    const run = ledger.pipeline();
    const foreign = run.foreign();
    expect(foreign.span.isRecording()).toBe(false);
    foreign.step('load').fail(error);
    foreign.end();
    run.fail(error);

    expect(ledger.records.map(({ name }) => name)).toEqual(['load', 'nightly-orders']);
    expect(ledger.recordOf('nightly-orders')).toMatchObject({ failedStep: 'load' });
    expect(ledger.recordOf('load').parentRecordId).toBe(ledger.recordOf('nightly-orders').recordId);
    expect(spans.getFinishedSpans()).toEqual([]);
    expect(run.span.spanContext().traceFlags).toBe(0);
  });

  it('changes nothing where the sampler samples', () => {
    const spans = new InMemorySpanExporter();
    const ledger = new TracedLedger({
      sampler: recordExecutions(new AlwaysOnSampler()),
      others: [new SimpleSpanProcessor({ exporter: spans })],
    });
    const run = ledger.pipeline();
    run.foreign().end();
    run.end();

    expect(spans.getFinishedSpans()).toHaveLength(2);
    expect(ledger.records).toHaveLength(1);
  });

  it('keeps the attributes the sampler adds, and tells whom it wraps', () => {
    const sampler: Sampler = {
      shouldSample: () => ({
        decision: SamplingDecision.NOT_RECORD,
        attributes: { 'sampler.rule': 'night' },
      }),
      toString: () => 'Night',
    };
    const wrapped = recordExecutions(sampler);
    const ledger = new TracedLedger({ sampler: wrapped });
    ledger.step('load').end();

    expect(JSON.parse(ledger.recordOf('load').attributes ?? '')).toEqual({ 'sampler.rule': 'night' });
    expect(String(wrapped)).toBe('RecordExecutions{Night}');
  });

  it.each([
    ['throws', 'throw'],
    ['decides nothing', undefined],
    ['decides nonsense', { decision: 'maybe' }],
  ])('still records executions when the sampler %s, and reports it once', (_, verdict) => {
    const error = jest.fn();
    diag.setLogger({ error, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR);
    const sampler: Sampler = {
      shouldSample: () => {
        if (verdict === 'throw') throw new Error('broken sampler');
        return verdict as never;
      },
      toString: () => 'Broken',
    };
    const ledger = new TracedLedger({ sampler: recordExecutions(sampler) });
    const run = ledger.pipeline();
    run.foreign().end();
    run.end();

    expect(ledger.records).toHaveLength(1);
    expect(error).toHaveBeenCalledTimes(1);
  });
});

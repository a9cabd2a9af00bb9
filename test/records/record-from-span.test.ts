import { describe, expect, it } from '@jest/globals';
import type { HrTime } from '@opentelemetry/api';
import { leaveNotes } from '../../src/execution.ts';
import type { EndedSpan } from '../../src/records/ended-span.ts';
import { factsOf } from '../../src/records/execution-facts.ts';
import { recordFromSpan } from '../../src/records/record-from-span.ts';
import { sourceOf } from '../../src/records/record-source.ts';
import { TracedLedger } from '../support/traced-executions.ts';

const START_MS = Date.UTC(2026, 10, 20, 3);
const ALL = { captureAttributes: true, captureStack: true } as const;

/** An ended span as the SDK would leave it, for times the SDK would not. */
function endedSpan(overrides: Partial<EndedSpan> = {}): EndedSpan {
  return {
    name: 'step load',
    startTime: [START_MS / 1_000, 123_456],
    endTime: [START_MS / 1_000 + 1, 623_956],
    duration: [1, 500_500],
    status: { code: 0 },
    attributes: { 'runledger.kind': 'step' },
    events: [],
    links: [],
    resource: { attributes: {} },
    instrumentationScope: { name: 'runledger' },
    spanContext: () => ({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }),
    ...overrides,
  };
}

function recordOf(span: EndedSpan, now = START_MS) {
  const facts = factsOf(span, 'step', undefined, () => now);
  return recordFromSpan(span, facts, { outcome: 'success', recoveredFailures: 0 }, ALL);
}

describe('the record of a span', () => {
  it('has what the span says, in columns', () => {
    const ledger = new TracedLedger();
    const step = ledger
      .pipeline('orders', { 'runledger.correlation.id': 'c-1', 'runledger.tenant': 'acme' })
      .step('load');
    step.end({
      attributes: {
        'runledger.pipeline.version': '1.2',
        'runledger.definition.hash': 'abc',
        'runledger.wait_ms': 12.5,
        'runledger.rows.in': 10,
        'runledger.rows.out': 9,
        'runledger.work.units': 0.5,
        'runledger.source': ['a.csv', 'b.csv'],
        'runledger.target': 'orders',
        'runledger.cost.usd': 0.001_25,
        'runledger.final': true,
        'runledger.worker.id': 'w-1',
        'runledger.input': '{"id":1}',
        'runledger.output': '{"ok":true}',
        'gen_ai.usage.input_tokens': 120,
        'http.status': 200,
        'user.list': ['a', 'b'],
      },
    });

    expect(ledger.recordOf('load')).toMatchObject({
      rev: 2,
      kind: 'step',
      pipeline: 'orders',
      correlationId: 'c-1',
      tenant: 'acme',
      version: '1.2',
      definitionHash: 'abc',
      attempt: 1,
      state: 'ended',
      outcome: 'success',
      waitMs: 12.5,
      rowsIn: 10,
      rowsOut: 9,
      workUnits: 0.5,
      source: '["a.csv","b.csv"]',
      target: 'orders',
      costUsdMicros: 1_250,
      final: true,
      workerId: 'w-1',
      input: '{"id":1}',
      output: '{"ok":true}',
      tokensIn: 120,
      attributes: '{"http.status":200,"user.list":["a","b"]}',
    });
  });

  it('has no values for what nobody said', () => {
    const ledger = new TracedLedger();
    ledger.step('load').end();

    const said = Object.entries(ledger.recordOf('load')).filter(([, value]) => value !== undefined);
    expect(said.map(([field]) => field).toSorted()).toEqual(
      [
        'recordId',
        'rev',
        'instanceId',
        'seq',
        'kind',
        'name',
        'runId',
        'traceId',
        'spanId',
        'attempt',
        'state',
        'outcome',
        'startedAt',
        'endedAt',
        'durationMs',
        'recoveredFailures',
        'keepReason',
        'sampleRate',
        'writer',
      ].toSorted(),
    );
  });

  it('keeps values no column can hold with the other attributes', () => {
    const record = recordOf(
      endedSpan({
        attributes: {
          'runledger.kind': 'step',
          'runledger.rows.in': 'many',
          'runledger.rows.out': Number.POSITIVE_INFINITY,
          'runledger.tokens': Number.NaN,
          'runledger.final': 'yes',
          'runledger.work.units': Number.NaN,
          'runledger.attempt': 0,
          'runledger.segment': 1.5,
        },
      }),
    );

    expect(JSON.parse(record.attributes ?? '')).toEqual({
      'runledger.rows.in': 'many',
      'runledger.rows.out': 'Infinity',
      'runledger.tokens': 'NaN',
      'runledger.final': 'yes',
      'runledger.work.units': 'NaN',
      'runledger.attempt': 0,
      'runledger.segment': 1.5,
    });
    expect(record).toMatchObject({ attempt: 1, rev: 2 });
    expect(record.rowsIn).toBeUndefined();
    expect(record.workUnits).toBeUndefined();
  });

  it('leaves attributes and stacks out where they are not wanted', () => {
    const ledger = new TracedLedger({
      captureAttributes: (name) => name.startsWith('public.'),
      captureStack: false,
    });
    const step = ledger.step('load', { 'public.a': 1, 'private.b': 2 });
    step.fail(new Error('boom'));

    expect(ledger.recordOf('load').attributes).toBe('{"public.a":1}');
    expect(ledger.recordOf('load').errorStack).toBeUndefined();
    expect(ledger.recordOf('load').errorMessage).toBe('boom');
  });

  it('takes its name from the span where no attribute has it', () => {
    expect(recordOf(endedSpan()).name).toBe('load');
    expect(recordOf(endedSpan({ name: 'unprefixed' })).name).toBe('unprefixed');
    expect(recordOf(endedSpan({ name: '' })).name).toBe('step');
  });

  it('tells a rejection and a skip by their reasons', () => {
    const ledger = new TracedLedger();
    ledger.pipeline('rejected').end({
      outcome: 'rejection',
      attributes: {
        'runledger.rejection.reason': 'tenant_limit',
        'runledger.rejection.detail': 'acme is at its limit',
        'runledger.rejection.limit': 5,
        'runledger.rejection.current': 5,
      },
    });
    ledger
      .pipeline('odd')
      .end({ outcome: 'rejection', attributes: { 'runledger.rejection.reason': 'mood' } });
    ledger
      .pipeline('skipped')
      .end({ outcome: 'skip', attributes: { 'runledger.skip.reason': 'already done' } });

    expect(ledger.recordOf('rejected')).toMatchObject({
      outcome: 'rejection',
      rejectionReason: 'tenant_limit',
      rejectionDetail: '{"detail":"acme is at its limit","limit":5,"current":5}',
    });
    expect(ledger.recordOf('odd').rejectionReason).toBe('other');
    expect(ledger.recordOf('skipped')).toMatchObject({ outcome: 'skip', skipReason: 'already done' });
  });

  it('keeps the timeline of a failed execution too', () => {
    const ledger = new TracedLedger();
    const step = ledger.step('load');
    const timeline = [{ at: START_MS, kind: 'checkpoint', ref: 'rows-100' }] as const;
    leaveNotes(step.span, { error: new Error('boom'), timeline, timelineTotal: 300 });
    step.span.setStatus({ code: 2 });
    step.span.end();

    expect(ledger.recordOf('load')).toMatchObject({
      outcome: 'failure',
      errorMessage: 'boom',
      timeline: JSON.stringify(timeline),
      timelineTotal: 300,
    });
  });

  it('has times to the microsecond', () => {
    const record = recordOf(endedSpan());

    expect(record.startedAt).toBe(START_MS + 0.123);
    expect(record.endedAt).toBe(START_MS + 1_000.624);
    expect(record.durationMs).toBe(1_000.501);
    expect(record.flags).toBeUndefined();
  });

  const invalid: readonly (readonly [string, HrTime])[] = [
    ['before 1970', [-1, 0]],
    ['beyond what a date can hold', [8.64e15, 0]],
    ['not a number', [Number.NaN, 0]],
    ['infinite', [Number.POSITIVE_INFINITY, 0]],
    ['a negative part of a second', [1, -1]],
  ];
  it.each(invalid)('replaces a start that is %s, and says so', (_, startTime) => {
    const record = recordOf(endedSpan({ startTime }), START_MS);

    expect(record.startedAt).toBe(START_MS);
    expect(record.recordId).toMatch(/^[0-9a-f]{29}$/);
    expect(record.flags).toEqual(['clock_suspect']);
    expect(record.durationMs).toBeGreaterThanOrEqual(0);
  });

  it.each(invalid)('replaces an end that is %s, and says so', (_, endTime) => {
    const record = recordOf(endedSpan({ endTime, duration: [-1, 0] }));

    expect(record).toMatchObject({ endedAt: START_MS + 0.123, durationMs: 0, flags: ['clock_suspect'] });
  });

  it('stays below 64 KiB whatever is on the span, and says what was cut', () => {
    const ledger = new TracedLedger();
    const huge = '"\u0001€'.repeat(200_000);
    const step = ledger
      .pipeline(huge)
      .step(huge, { 'user.a': huge, 'user.b': huge, 'runledger.input': huge, 'runledger.output': huge });
    const moments = Array.from({ length: 1_000 }, (_, at) => ({ at, kind: 'mark', ref: huge }) as const);
    const error = new AggregateError(
      Array.from({ length: 50 }, () => new Error(huge)),
      huge,
    );
    leaveNotes(step.span, { error, timeline: moments, timelineTotal: 1_000 });
    step.span.setAttributes({
      'runledger.source': [huge],
      'runledger.target': huge,
      'runledger.worker.id': huge,
    });
    step.span.setStatus({ code: 2 });
    step.span.end();
    const [record] = ledger.records;

    let bytes = 0;
    for (const value of Object.values(record ?? {})) bytes += Buffer.byteLength(String(value));
    expect(bytes).toBeLessThanOrEqual(65_536);
    expect(record).toMatchObject({ outcome: 'failure', errorType: 'AggregateError' });
    expect(record?.flags).toContain('truncated');
    expect(() => JSON.parse(record?.attributes ?? '')).not.toThrow();
  });
});

describe('the writer of records', () => {
  it('is what the resource says', () => {
    const resource = {
      attributes: {
        'service.name': 'orders',
        'service.version': '1.2.3',
        'service.instance.id': 'i-1',
        'host.name': 'h-1',
      },
    };

    expect(sourceOf(resource)).toEqual({
      serviceName: 'orders',
      serviceVersion: '1.2.3',
      serviceInstanceId: 'i-1',
      host: 'h-1',
      pid: process.pid,
    });
    expect(sourceOf(resource)).toBe(sourceOf(resource));
  });

  it('has no instance id of the service where the resource has none', () => {
    const one = sourceOf({ attributes: {} });

    expect(one).not.toHaveProperty('serviceInstanceId');
    expect(one.serviceName).toBe('unknown_service');
    expect(one.host).not.toBe('');
  });

  it('reads what is known while detectors are at work, without the SDK logging an error', () => {
    let reads = 0;
    const resource = {
      asyncAttributesPending: true,
      get attributes() {
        reads++;
        return {};
      },
      getRawAttributes: () => [
        ['service.name', 'orders'],
        ['host.name', new Promise<string>(() => {})],
        ['service.name', 'overridden'],
      ],
    };

    expect(sourceOf(resource)).toMatchObject({ serviceName: 'orders', host: expect.stringMatching(/./) });
    expect(reads).toBe(0);
  });
});

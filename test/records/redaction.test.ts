import { describe, expect, it } from '@jest/globals';
import { REDACTABLE, redacted } from '../../src/records/redaction.ts';
import { failure, stepRecord } from '../support/execution-records.ts';
import { TracedLedger } from '../support/traced-executions.ts';

const SECRET = 'postgres://ann:hunter2@db/orders';

/** A record with the secret in every text that can be changed. */
function secretRecord() {
  const texts = Object.fromEntries(REDACTABLE.map((field) => [field, `${field} ${SECRET}`]));
  return stepRecord({ ...failure(), ...texts, errorType: 'ConnectionError', tenant: 'acme' });
}

describe('redaction', () => {
  it('leaves the record as the hook returns it', () => {
    const record = secretRecord();
    const clean = redacted(record, (copy) => {
      for (const field of REDACTABLE) copy = { ...copy, [field]: copy[field]?.replace(SECRET, '***') };
      return copy;
    });

    expect(JSON.stringify(clean)).not.toContain('hunter2');
    expect(clean).toMatchObject({
      recordId: record.recordId,
      errorMessage: 'errorMessage ***',
      errorType: 'ConnectionError',
    });
    expect(clean.flags).toBeUndefined();
  });

  it('takes changes made in place, and never touches the record it was given', () => {
    const record = secretRecord();
    const clean = redacted(record, (copy) => {
      copy.errorMessage = '***';
      delete copy.errorStack;
      return copy;
    });

    expect(clean.errorMessage).toBe('***');
    expect(clean).not.toHaveProperty('errorStack');
    expect(record.errorMessage).toContain(SECRET);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error(SECRET);
      },
    ],
    ['returns a promise', async (record: unknown) => record],
    ['returns no record', () => 'record'],
  ])('fails closed when the hook %s: no free text, the type stays, and it says so', (_, hook) => {
    const record = secretRecord();
    const stripped = redacted(record, hook as never);

    expect(stripped).toMatchObject({
      recordId: record.recordId,
      outcome: 'failure',
      errorType: 'ConnectionError',
      errorFingerprint: record.errorFingerprint,
      flags: ['redaction_failed'],
    });
    for (const field of [
      'error',
      'errorMessage',
      'errorStack',
      'errorChain',
      'attributes',
      'input',
      'output',
    ] as const) {
      expect(stripped).not.toHaveProperty(field);
    }
  });

  it('leaves all free text out where the hook returns undefined, which is no failure', () => {
    const stripped = redacted(secretRecord(), () => undefined);

    expect(stripped).not.toHaveProperty('errorMessage');
    expect(stripped).not.toHaveProperty('input');
    expect(stripped.flags).toBeUndefined();
  });

  it('lets the hook change texts only, and bounds what it returns', () => {
    const record = secretRecord();
    const changed = redacted(record, (copy) => ({
      ...copy,
      recordId: 'other',
      outcome: 'success',
      runId: 'other',
      errorMessage: 'x'.repeat(10_000),
      tenant: 'a\0b',
    }));

    expect(changed).toMatchObject({ recordId: record.recordId, runId: record.runId, outcome: 'failure' });
    expect(changed.errorMessage).toHaveLength(4_096);
    expect(changed.tenant).toBe('a\uFFFDb');
    expect(changed.flags).toEqual(['truncated', 'sanitized']);
  });

  it('happens before a record is exported, to parents that took over an error too', () => {
    const ledger = new TracedLedger({
      redact: (record) => ({ ...record, error: 'hidden', errorMessage: 'hidden' }),
    });
    const run = ledger.pipeline();
    run.step('load').fail(new Error(SECRET));
    run.failSilently();

    expect(ledger.records.map(({ errorMessage }) => errorMessage)).toEqual(['hidden', 'hidden']);
    expect(ledger.recordOf('nightly-orders').failedStep).toBe('load');
  });
});

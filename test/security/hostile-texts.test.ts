import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boundedJson } from '../../src/records/bounded-json.ts';
import { runCli } from '../support/cli.ts';
import { failure, runRecord, stepRecord } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';

/** What acts on a terminal, ends a line of a log, or lies about the text around it. */
const TEXTS = [
  '\u001b[2J\u001b[H all is well',
  '\u001b]0;title\u0007',
  '\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\',
  '\u009b31m',
  'line\r\nlevel=info msg="forged"',
  '\u202egnp.exe',
  '\u2066isolated\u2069',
  '\u2028separated\u2029',
  '\b\b\b\bover',
  '\ufeffmark',
];
/** Everything a terminal obeys, but for the end of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for
const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/;

let ledger: LedgerFile;
beforeEach(async () => {
  const records = TEXTS.flatMap((text) => {
    const run = runRecord({
      ...failure(text),
      name: text,
      pipeline: text,
      tenant: text,
      correlationId: text,
    });
    return [
      run,
      stepRecord({
        ...failure(text),
        name: text,
        pipeline: text,
        runId: run.runId,
        parentRecordId: run.recordId,
      }),
    ];
  });
  ledger = await createLedgerFile(records);
});
afterEach(() => ledger.remove());

describe('hostile texts', () => {
  it.each([
    ['runs'],
    ['failures'],
    ['verify', '--all'],
    ['sql', 'select name, error_message, correlation_id from execution_records'],
  ])(
    'are harmless where %s prints them',
    async (...args) => {
      const text = await runCli([...args, '--ledger', ledger.path]);
      expect(text.stdout).not.toBe('');
      expect(ACTS.exec(text.stdout)).toBeNull();
      expect(ACTS.exec(text.stderr)).toBeNull();
      const json = await runCli([...args, '--ledger', ledger.path, '--json']);
      expect(ACTS.exec(json.stdout)).toBeNull();
      expect(() => JSON.parse(json.stdout)).not.toThrow();
    },
    60_000,
  );

  it('change no prototype, at any depth, as any key', () => {
    const keys = ['__proto__', 'constructor', 'prototype'];
    let value: unknown = { polluted: true };
    for (let depth = 0; depth < 5; depth++) {
      value = JSON.parse(`{${keys.map((key) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join()}}`);
      const { json } = boundedJson(value, { maxBytes: 32_768 });
      const parsed = JSON.parse(json) as object;
      expect(Object.hasOwn(parsed, '__proto__')).toBe(true);
      expect('polluted' in {}).toBe(false);
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { boundedText, RecordMarks } from '../../src/records/bounded-text.ts';

function bounded(value: string, maxBytes: number) {
  const marks = new RecordMarks();
  return { text: boundedText(value, maxBytes, marks), flags: marks.flags };
}

describe('bounded text', () => {
  it.each([
    ['nothing', '', '', undefined],
    ['less than the bound', 'abcd', 'abcd', undefined],
    ['the bound', 'abcde', 'abcde', undefined],
    ['more than the bound', 'abcdef', 'abcde', ['truncated']],
    ['a character across the bound', 'abcd€', 'abcd', ['truncated']],
    ['a pair across the bound', 'abc😀', 'abc', ['truncated']],
    ['a pair across the bound in code units', 'abcd😀', 'abcd', ['truncated']],
    ['NUL', 'a\0b', 'a\uFFFDb', ['sanitized']],
    ['a lone surrogate', 'a\uDC00', 'a\uFFFD', ['sanitized']],
    ['both', '\0abcdef', '\uFFFDab', ['sanitized', 'truncated']],
  ])('keeps %s', (_, value, text, flags) => {
    expect(bounded(value, 5)).toEqual({ text, flags });
  });

  it('costs no more for 5 MB than for its bound', () => {
    const long = '😀'.repeat(1_250_000);
    const times = Array.from({ length: 20 }, () => {
      const start = performance.now();
      const { text } = bounded(long, 4_096);
      expect(Buffer.byteLength(text)).toBe(4_096);
      return performance.now() - start;
    });

    expect(times.toSorted((one, other) => one - other)[10]).toBeLessThan(1);
  });

  it('is well-formed, within its bytes, and marked when it is not the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(60), (value, maxBytes) => {
        const { text, flags } = bounded(value, maxBytes);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes);
        expect(Buffer.from(text).toString()).toBe(text);
        expect(text).not.toContain('\0');
        expect(text === value).toBe(flags === undefined);
      }),
      { numRuns: 5_000, seed: 2 },
    );
  });
});

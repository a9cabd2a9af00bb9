import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { boundedJson, boundedJsonText } from '../../src/records/bounded-json.ts';
import { RecordMarks } from '../../src/records/bounded-text.ts';

const ROOMY = { maxBytes: 32_768 };

function parsed(value: unknown): unknown {
  return JSON.parse(boundedJson(value, ROOMY).json);
}

describe('bounded JSON', () => {
  it('is plain JSON for plain values', () => {
    const value = { a: 1, b: ['x', null, true, -0.5], c: { d: {} }, e: [] };

    expect(boundedJson(value, ROOMY)).toEqual({
      json: JSON.stringify(value),
      truncated: false,
      sanitized: false,
    });
  });

  it.each([
    ['a BigInt', 2n ** 70n, '1180591620717411303424'],
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['minus Infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['minus zero', -0, 0],
    ['undefined', undefined, null],
    ['a function', () => 'source code', '[function]'],
    ['a symbol', Symbol('s'), '[symbol]'],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an invalid date', new Date(Number.NaN), 'Invalid Date'],
    ['a buffer', Buffer.from('secret'), '[Uint8Array 6]'],
    ['a map', new Map([['a', 1]]), '[Map]'],
    ['an object that is undefined in parts', { a: undefined, b: 1 }, { b: 1 }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['a NUL', 'a\0b', 'a\uFFFDb'],
    ['a lone surrogate', 'a\uD800b', 'a\uFFFDb'],
  ])('has one form for %s', (_, value, expected) => {
    expect(parsed(value)).toEqual(expected);
  });

  it('runs none of the code of a value', () => {
    class Hostile {
      own = 1;
      toJSON() {
        throw new Error('toJSON was called');
      }
      get inherited() {
        throw new Error('a getter was called');
      }
    }
    const value = new Hostile();
    Object.defineProperty(value, 'getter', {
      enumerable: true,
      get() {
        throw new Error('a getter was called');
      },
    });

    expect(parsed(value)).toEqual({ own: 1, getter: '[getter]' });
  });

  it('names cycles, but not what merely occurs twice', () => {
    const shared = { s: 1 };
    const cycle: Record<string, unknown> = { one: shared, other: shared };
    cycle.self = cycle;

    expect(parsed(cycle)).toEqual({ one: { s: 1 }, other: { s: 1 }, self: '[circular]' });
  });

  it('survives proxies, revoked ones too', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const throwing = new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('trap');
        },
      },
    );

    expect(parsed([proxy, throwing, new Proxy({ a: 1 }, {})])).toEqual([
      '[unserializable]',
      '[unserializable]',
      { a: 1 },
    ]);
  });

  it('ends at its depth, its keys and its bytes, and says so', () => {
    let deep: unknown = 'bottom';
    for (let depth = 0; depth < 100_000; depth++) deep = { deep };
    expect(boundedJson(deep, ROOMY).truncated).toBe(true);
    expect(boundedJson(deep, ROOMY).json).toBe(
      '{"deep":{"deep":{"deep":{"deep":{"deep":{"deep":"[object]"}}}}}}',
    );

    const wide = boundedJson(
      Array.from({ length: 1_000_000 }, (_, index) => index),
      ROOMY,
    );
    expect(wide.truncated).toBe(true);
    expect(JSON.parse(wide.json)).toHaveLength(200);

    const long = boundedJson({ text: '€'.repeat(5_000_000) }, ROOMY);
    expect(long.truncated).toBe(true);
    expect(Buffer.byteLength(long.json)).toBeLessThanOrEqual(ROOMY.maxBytes);
    expect(Buffer.byteLength(long.json)).toBeGreaterThan(ROOMY.maxBytes - 16);
  });

  it('keeps keys that would change a prototype as what they are', () => {
    const value = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": 2}}');

    expect(boundedJson(value, ROOMY).json).toBe('{"__proto__":{"polluted":1},"constructor":{"prototype":2}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('is valid, well-formed and within its bytes for any value and bound', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
      withSparseArray: true,
      stringUnit: 'binary',
    });
    fc.assert(
      fc.property(anything, fc.integer({ min: 16, max: 300 }), (value, maxBytes) => {
        const { json } = boundedJson(value, { maxBytes });
        JSON.parse(json);
        expect(Buffer.byteLength(json)).toBeLessThanOrEqual(maxBytes);
        expect(json).not.toContain('\0');
        expect(Buffer.from(json).toString()).toBe(json);
      }),
      { numRuns: 5_000, seed: 1 },
    );
  });
});

describe('JSON text that is too long', () => {
  it.each([
    ['quotes, which take two bytes each', '"\\'.repeat(10_000)],
    ['characters of four bytes', '💥'.repeat(20_000)],
    ['control characters, which take six', '\u0001'.repeat(9_000)],
  ])('stays JSON within the bound: %s', (_, text) => {
    for (const maxBytes of [64, 1_000, 16_384]) {
      const marks = new RecordMarks();
      const cut = boundedJsonText(JSON.stringify(text), maxBytes, marks);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      expect(JSON.parse(cut)).toMatchObject({ truncated: true, length: JSON.stringify(text).length });
      expect(marks.flags).toContain('truncated');
    }
  });
});

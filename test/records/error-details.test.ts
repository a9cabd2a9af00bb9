import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { detailsOfSaid, detailsOfThrown, errorsOf } from '../../src/records/error-details.ts';
import { normalisedMessage } from '../../src/records/error-fingerprint.ts';

class PaymentError extends Error {
  readonly code = 'CARD_DECLINED';
}

function thrower(): never {
  throw new Error('read');
}

describe('error details', () => {
  it.each([
    ['an error', new TypeError('bad'), { type: 'TypeError', message: 'bad' }],
    [
      'a class without a name of its own',
      new PaymentError('no'),
      { type: 'PaymentError', code: 'CARD_DECLINED' },
    ],
    ['a name of its own', Object.assign(new Error('x'), { name: 'Custom' }), { type: 'Custom' }],
    [
      'a driver that calls every error "error"',
      Object.assign(new RangeError('x'), { name: 'error' }),
      { type: 'RangeError' },
    ],
    ['an abort', new DOMException('stopped', 'AbortError'), { type: 'AbortError', message: 'stopped' }],
    ['a number as code', Object.assign(new Error('x'), { code: 17 }), { code: '17' }],
    ['a string', 'just text', { type: 'string', message: 'just text' }],
    ['an empty string', '', { type: 'string', message: '' }],
    ['null', null, { type: 'null', message: 'null' }],
    ['a number', 42, { type: 'number', message: '42' }],
    ['a BigInt', 2n, { type: 'bigint', message: '2' }],
    ['a symbol', Symbol('s'), { type: 'symbol', message: 'Symbol(s)' }],
    ['a function', thrower, { type: 'function', message: 'thrower' }],
    ['an object', { reason: 'x' }, { type: 'Object', message: '{"reason":"x"}' }],
    ['an object with a message', { message: 'x', code: 'E' }, { type: 'Object', message: 'x', code: 'E' }],
    ['an object with a name', { name: 'Bob' }, { type: 'Object' }],
  ])('describe %s', (_, thrown, expected) => {
    expect(detailsOfThrown(thrown)).toMatchObject(expected);
  });

  it('follow causes and members, outermost first, to their depth', () => {
    const inner = new RangeError('inner');
    const other = Object.assign(new Error('other'), { code: 'E_OTHER' });
    const error = new AggregateError([inner, other], 'all', { cause: new TypeError('cause') });

    expect(detailsOfThrown(error).links).toEqual([
      { type: 'AggregateError', message: 'all' },
      { type: 'TypeError', message: 'cause' },
      { type: 'RangeError', message: 'inner' },
      { type: 'Error', message: 'other', code: 'E_OTHER' },
    ]);
    let deep = new Error('0');
    for (let depth = 1; depth < 100_000; depth++) deep = new Error(String(depth), { cause: deep });
    expect(detailsOfThrown(deep).links).toHaveLength(6);
  });

  it('come to an end on cycles', () => {
    const one = new Error('one');
    const other = new Error('other', { cause: one });
    one.cause = other;

    expect([...errorsOf(one)]).toEqual([one, other]);
  });

  it.each([
    [
      'getters that throw',
      Object.defineProperties(
        {},
        {
          message: { get: thrower },
          stack: { get: thrower },
          name: { get: thrower },
          code: { get: thrower },
          cause: { get: thrower },
          errors: { get: thrower },
          constructor: { get: thrower },
        },
      ),
    ],
    [
      'a proxy that throws',
      new Proxy(new Error('x'), { get: thrower, getPrototypeOf: thrower, has: thrower, ownKeys: thrower }),
    ],
    ['a toString that throws', { toString: thrower, [Symbol.toPrimitive]: thrower }],
    ['no prototype', Object.create(null)],
    [
      'an endless list of errors',
      { errors: new Proxy([], { get: (_, key) => (key === 'length' ? 1e9 : new Error('x')) }) },
    ],
    [
      'fields of other types',
      Object.assign(new Error('x'), { message: 1, stack: {}, name: [], code: {}, errors: 'x' }),
    ],
  ])('survive %s', (_, thrown) => {
    const details = detailsOfThrown(thrown);

    expect(details.type).toEqual(expect.stringMatching(/./));
    expect(details.fingerprint).toMatch(/^[0-9a-f]{16}$/);
  });

  it('survive anything', () => {
    const anything = fc.anything({
      withBigInt: true,
      withNullPrototype: true,
      withSparseArray: true,
      stringUnit: 'binary',
    });
    const hostile = fc.record(
      {
        message: anything,
        stack: anything,
        name: anything,
        code: anything,
        cause: anything,
        errors: fc.array(anything),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(anything, hostile), (thrown) => {
        const { type, message, code, fingerprint } = detailsOfThrown(thrown);
        expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
        for (const text of [type, message ?? '', code ?? '']) {
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
          expect(Buffer.from(text).toString()).toBe(text);
          expect(text).not.toContain('\0');
        }
      }),
      { numRuns: 2_000, seed: 3 },
    );
  });

  it('bound message and stack, and say so', () => {
    const error = new Error('x'.repeat(5_000_000));
    error.stack = 'y'.repeat(5_000_000);
    const { message, stack, flags } = detailsOfThrown(error);

    expect(message).toHaveLength(4_096);
    expect(stack).toHaveLength(16_384);
    expect(flags).toEqual(['truncated']);
  });

  it('take type and code from the span, so that traces and records agree', () => {
    const said = { type: 'billing.Declined', code: 'E_1' };

    expect(detailsOfThrown(new PaymentError('no'), said)).toMatchObject({ ...said, message: 'no' });
    expect(detailsOfThrown(new PaymentError('no'), { type: '_OTHER' })).toMatchObject({
      type: 'PaymentError',
    });
    expect(detailsOfSaid({})).toMatchObject({ type: '_OTHER' });
  });
});

describe('the fingerprint', () => {
  const fingerprint = (error: unknown) => detailsOfThrown(error).fingerprint;

  it.each([
    ['Order 17 of 4,000 failed', 'Order 18 of 12 failed'],
    ['no row 550e8400-e29b-41d4-a716-446655440000', 'no row 123e4567-e89b-12d3-a456-426614174000'],
    ['at 0x7ffee3b2 in deadbeef01', 'at 0x00000001 in cafebabe99'],
    [`can't open 'a.csv'`, `can't open "b.csv"`],
    ['took 12.5 ms at 2026-11-20', 'took 9 ms at 2025-01-02'],
  ])('is one for %j and %j', (one, other) => {
    expect(normalisedMessage(one)).toBe(normalisedMessage(other));
    const at = (message: string) =>
      Object.assign(new Error(message), { stack: 'Error\n    at load (/app/src/load.js:1:2)' });
    expect(fingerprint(at(one))).toBe(fingerprint(at(other)));
  });

  it('differs by type, code, words of the message and place', () => {
    const stack = 'Error\n    at load (/app/src/load.js:1:2)';
    const errors = [
      Object.assign(new Error('x'), { stack }),
      Object.assign(new TypeError('x'), { stack }),
      Object.assign(new Error('x'), { stack, code: 'E' }),
      Object.assign(new Error('y'), { stack }),
      Object.assign(new Error('x'), { stack: stack.replace('load (', 'store (') }),
      Object.assign(new Error('x'), { stack: stack.replace('load.js', 'store.js') }),
    ];

    expect(new Set(errors.map(fingerprint)).size).toBe(errors.length);
  });

  it('is the same on another machine, on another line, and whatever the libraries in between', () => {
    const here = `Error: x
    at Socket.connect (node:net:12:3)
    at query (file:///home/ann/app/node_modules/pg/lib/client.js:1:2)
    at async load (file:///home/ann/app/src/load.js:10:5)
    at async run (file:///home/ann/app/src/run.js:7:5)`;
    const there = `Error: x
    at query (C:\\srv\\app\\node_modules\\pg\\lib\\client.js:9:9)
    at async load (C:\\srv\\app\\src\\load.js:99:1)
    at async run (C:\\srv\\app\\src\\run.js:1:1)
    at main (C:\\srv\\app\\src\\main.js:1:1)`;

    expect(fingerprint(Object.assign(new Error('x'), { stack: here }))).toBe(
      fingerprint(Object.assign(new Error('x'), { stack: there })),
    );
  });

  it('is quick on a message made to be slow', () => {
    const start = performance.now();
    for (const part of [`'`, `"a`, '0x', 'a0', '1.', '\\`'])
      normalisedMessage(part.repeat(4_096 / part.length));

    expect(performance.now() - start).toBeLessThan(200);
  });
});

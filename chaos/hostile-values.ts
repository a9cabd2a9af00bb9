import fc from 'fast-check';

/** Makes a value. What is made may fight back when it is looked at, so whoever generates it must not. */
export type Maker = () => unknown;

const hostileText = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  {
    weight: 20,
    arbitrary: fc.constantFrom(
      '\0',
      'a\0b',
      '\ud800',
      '\udfff\ud800',
      '\u001b[2J\u001b]0;x\u0007',
      '\u202e\u2066',
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      "'; drop table execution_records; --",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '💥'.repeat(20_000),
      'x'.repeat(100_000),
      '\u0000'.repeat(5_000),
      '"\\'.repeat(10_000),
    ),
  },
);

const fail = () => {
  throw new Error('a trap of the value itself');
};

const traps = fc.constantFrom<Maker>(
  () => new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail, has: fail }),
  () => new Proxy(new Error('proxied'), { get: fail }),
  () => Object.defineProperty({}, 'name', { get: fail, enumerable: true }),
  () => ({ toString: fail, toJSON: fail, [Symbol.toPrimitive]: fail, valueOf: fail }),
  () => Object.defineProperty(new Error('hidden'), 'message', { get: fail }),
  () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    return loop;
  },
  () => {
    let deep: unknown = 0;
    for (let level = 0; level < 1_000; level++) deep = [deep];
    return deep;
  },
  () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'),
  () => Object.create(null) as unknown,
  () => new Date(Number.NaN),
  () => new Array(10_000),
  () => new Uint8Array(1_000),
  () => () => 'source code',
  () => Symbol('secret'),
  () => 2n ** 200n,
  () => -0,
  () => Promise.resolve(),
  () => new WeakMap(),
  () => globalThis,
);

/** Any value a caller could pass where it should not. */
export const hostileValues: fc.Arbitrary<Maker> = fc.oneof(
  {
    weight: 3,
    arbitrary: made(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withNullPrototype: true,
        withSparseArray: true,
        maxDepth: 3,
        maxKeys: 6,
      }),
    ),
  },
  { weight: 2, arbitrary: made(hostileText) },
  { weight: 1, arbitrary: made(fc.double()) },
  { weight: 1, arbitrary: traps },
);

/** Anything that can be thrown. */
export const hostileErrors: fc.Arbitrary<Maker> = fc.oneof(
  {
    weight: 3,
    arbitrary: hostileText.map(
      (text): Maker =>
        () =>
          new Error(text),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(hostileText, hostileText, hostileValues, hostileValues)
      .map(([message, name, code, cause]): Maker => {
        return () => Object.assign(new TypeError(message, { cause: cause() }), { name, code: code() });
      }),
  },
  {
    weight: 1,
    arbitrary: fc.array(hostileText, { maxLength: 30 }).map((texts): Maker => {
      return () =>
        new AggregateError(
          texts.map((text) => new Error(text)),
          'several',
        );
    }),
  },
  {
    weight: 1,
    arbitrary: traps.map(
      (make): Maker =>
        () =>
          new Error('caused', { cause: make() }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Maker>(() => {
      const error = new Error('its own cause');
      error.cause = error;
      return error;
    }),
  },
  { weight: 3, arbitrary: hostileValues },
);

function made(values: fc.Arbitrary<unknown>): fc.Arbitrary<Maker> {
  return values.map((value) => () => value);
}

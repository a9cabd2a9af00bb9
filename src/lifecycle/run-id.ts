const POOL_BYTES = 10 * 256;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * A new run id: a UUID of version 7 (RFC 9562), so ids sort by start time and an index on them appends. Random
 * bytes come from a pool, because one call into the random source costs more than the rest of a span.
 */
export function newRunId(): string {
  if (used === POOL_BYTES) {
    process.getBuiltinModule('node:crypto').randomFillSync(pool);
    used = 0;
  }
  const time = Date.now().toString(16).padStart(12, '0');
  const at = used;
  used += 10;
  const versioned = HEX[0x70 | (byteAt(at) & 0x0f)];
  const variant = HEX[0x80 | (byteAt(at + 2) & 0x3f)];
  return (
    `${time.slice(0, 8)}-${time.slice(8, 12)}-${versioned}${hexAt(at + 1)}-${variant}${hexAt(at + 3)}-` +
    `${hexAt(at + 4)}${hexAt(at + 5)}${hexAt(at + 6)}${hexAt(at + 7)}${hexAt(at + 8)}${hexAt(at + 9)}`
  );
}

function byteAt(index: number): number {
  return pool[index] as number;
}

function hexAt(index: number): string {
  return HEX[byteAt(index)] as string;
}

/** Of a run id, a UUID of version 7, that is its time to the millisecond. */
const SHORTEST = 13;

/**
 * The start of each id that tells it from the others in the list, at least thirteen characters of it. Time-ordered
 * ids of one minute share their first characters, so a fixed length would not do.
 */
export function shortIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const sorted = [...new Set(ids)].sort();
  return new Map(
    sorted.map((id, index) => {
      const shared = Math.max(sharedLength(id, sorted[index - 1]), sharedLength(id, sorted[index + 1]));
      return [id, id.slice(0, Math.max(SHORTEST, shared + 1))];
    }),
  );
}

function sharedLength(id: string, other: string | undefined): number {
  if (other === undefined) return 0;
  let length = 0;
  while (length < id.length && id[length] === other[length]) length++;
  return length;
}

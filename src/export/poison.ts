/** An item whose content the store refuses, with the store's code for it. */
export interface Poison<T> {
  readonly item: T;
  readonly code: string;
}

/**
 * Sends a part. Resolves to undefined when it was stored and to the store's code when its content was refused;
 * rejects when the store itself is to blame.
 */
export type SendPart<T> = (part: readonly T[]) => Promise<string | undefined>;

/**
 * Finds the items for which a store refused a batch, by halving what is refused until it is a single item, so that
 * the others are stored. Costs about `2 * poison * log2(batch)` sends. Rejects as `send` does; parts sent until then
 * stay stored.
 */
export async function isolatePoison<T>(
  batch: readonly T[],
  code: string,
  send: SendPart<T>,
): Promise<readonly Poison<T>[]> {
  const poison: Poison<T>[] = [];
  const refused: { readonly part: readonly T[]; readonly code: string }[] = [{ part: batch, code }];
  for (let next = refused.pop(); next !== undefined; next = refused.pop()) {
    const [only] = next.part;
    if (only !== undefined && next.part.length === 1) {
      poison.push({ item: only, code: next.code });
      continue;
    }
    const middle = Math.ceil(next.part.length / 2);
    for (const half of [next.part.slice(0, middle), next.part.slice(middle)]) {
      const refusal = half.length === 0 ? undefined : await send(half);
      if (refusal !== undefined) refused.push({ part: half, code: refusal });
    }
  }
  return poison;
}

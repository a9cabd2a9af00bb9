/** What a bounded wait came to. */
export type Bounded<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'timeout' };

/**
 * Waits for a promise, `millis` at most. Rejects as the promise does; what it does after the deadline is ignored.
 * With `hold`, the process stays alive for the wait: for somebody who asked for the result and awaits it.
 */
export function within<T>(
  millis: number,
  promise: Promise<T>,
  hold: 'hold' | 'release' = 'release',
): Promise<Bounded<T>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve({ kind: 'timeout' }), millis);
    if (hold === 'release') timer.unref();
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve({ kind: 'done', value });
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

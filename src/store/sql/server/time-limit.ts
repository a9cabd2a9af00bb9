/** A call of a server that did not answer in time: its outcome is unknown. */
export class ServerTimeoutError extends Error {
  override readonly name = 'ServerTimeoutError';
  readonly code = 'ETIMEDOUT';
}

/**
 * Rejects with {@link ServerTimeoutError} where a call takes longer than `millis`. The timer does not hold the process; what
 * the call comes to later is ignored.
 */
export function inTime<T>(millis: number, what: string, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new ServerTimeoutError(`${what} took longer than ${millis} ms`));
    }, millis).unref();
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

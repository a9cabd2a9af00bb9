import { inTime } from './time-limit.ts';

/** The connections that are out of a pool: who closes the pool waits for them. */
export class ConnectionsInUse {
  readonly #used = new Set<Promise<void>>();

  /** Counts one in. Returns how to count it out again. */
  take(): () => void {
    let onReturn = (): void => undefined;
    const returned = new Promise<void>((resolve) => {
      onReturn = resolve;
    });
    this.#used.add(returned);
    return () => {
      this.#used.delete(returned);
      onReturn();
    };
  }

  /** Resolves once those that are out now are back. */
  async returned(): Promise<void> {
    await Promise.all(this.#used);
  }
}

/** A client of a pool, where it is there in time; one that is there too late goes back. */
export async function clientInTime<Client extends { release(): void }>(
  millis: number,
  pending: Promise<Client>,
): Promise<Client> {
  try {
    return await inTime(millis, 'connecting', pending);
  } catch (error) {
    pending.then(
      (late) => late.release(),
      () => undefined,
    );
    throw error;
  }
}

import type { RecordAccounting } from './accounting.ts';
import type { RecordQueue } from './record-queue.ts';
import { untraced } from './untraced.ts';

/** When a process looks for what dead ones left: once its start is over. Milliseconds. */
const FIRST_MILLIS = 100;
/** How often it looks again: others may die while it lives. Milliseconds. */
const AGAIN_MILLIS = 60_000;

/** Looks for the records of processes that died, and takes them over. Its timers do not keep the process alive. */
export class AdoptionPatrol {
  readonly #queue: RecordQueue;
  readonly #accounting: RecordAccounting;
  readonly #onAdopted: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(queue: RecordQueue, accounting: RecordAccounting, onAdopted: () => void) {
    this.#queue = queue;
    this.#accounting = accounting;
    this.#onAdopted = onAdopted;
  }

  /** Looks shortly after the start and every minute, until it is stopped. */
  start(): void {
    const look = (): void => void this.look();
    this.#timer = setTimeout(() => {
      look();
      this.#timer = setInterval(look, AGAIN_MILLIS).unref();
    }, FIRST_MILLIS).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Resolves to how many records were taken over. Never rejects. */
  async look(): Promise<number> {
    if (this.#isStopped) return 0;
    try {
      const adopted = (await untraced(() => this.#queue.adopt?.())) ?? [];
      if (adopted.length === 0) return 0;
      const records = adopted.reduce((sum, each) => sum + each.records, 0);
      this.#accounting.recovered(records);
      this.#onAdopted();
      return records;
    } catch {
      return 0;
    }
  }
}

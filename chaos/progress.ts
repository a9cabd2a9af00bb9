import { Presets, SingleBar } from 'cli-progress';

/** What a bar is divided into for each scenario. */
const PARTS = 100;

/** A bar on a terminal, and nothing elsewhere. */
export class Progress {
  readonly #total: number;
  #bar: SingleBar | undefined;
  #shown = 0;

  constructor(total: number) {
    this.#total = total;
  }

  show(done: number, name: string): void {
    if (!process.stderr.isTTY) return;
    const parts = Math.round(done * PARTS);
    if (this.#bar === undefined) {
      this.#bar = new SingleBar({ format: '{bar} {percentage}% {name}' }, Presets.shades_classic);
      this.#bar.start(this.#total * PARTS, parts, { name });
    } else {
      this.#bar.increment(Math.max(0, parts - this.#shown), { name });
    }
    this.#shown = parts;
  }

  /** Ends the bar, so that a line can be printed; it goes on with the next `show`. */
  hide(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

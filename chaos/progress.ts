import { Presets, SingleBar } from 'cli-progress';

/** What a bar is divided into for each scenario. */
const PARTS = 100;

/** A bar on a terminal; elsewhere a line for what is worth one. */
export class Progress {
  readonly #total: number;
  #bar: SingleBar | undefined;
  #shown = 0;

  constructor(total: number) {
    this.#total = total;
  }

  show(done: number, scenario: string, what?: string): void {
    const name = what === undefined ? scenario : `${scenario}: ${what}`;
    if (!process.stderr.isTTY) {
      if (what !== undefined) process.stderr.write(`${name}\n`);
      return;
    }
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

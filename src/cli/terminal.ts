import { styleText } from 'node:util';

/** What a text may look like. Meaning never hangs on it: colours are off in pipes and with `NO_COLOR`. */
export type Look = 'good' | 'bad' | 'warn' | 'faint' | 'strong';

/** Where text goes: how wide it may be and how it is coloured. */
export interface Terminal {
  /** Columns; `Infinity` where lines may be as long as they like, as in a pipe. */
  readonly width: number;
  paint(look: Look, text: string): string;
}

const FORMATS = { good: 'green', bad: 'red', warn: 'yellow', faint: 'dim', strong: 'bold' } as const;

/** The terminal behind standard output. `COLUMNS` sets the width where standard output is none. */
export function standardTerminal(): Terminal {
  const columns = Number(process.env.COLUMNS);
  const forced = Number.isInteger(columns) && columns > 0 ? columns : undefined;
  return {
    width: process.stdout.columns ?? forced ?? Number.POSITIVE_INFINITY,
    paint: (look, text) => styleText(FORMATS[look], text, { stream: process.stdout }),
  };
}

/** Columns a text takes on a terminal: wide characters two, combining ones none. Colours must not be in it yet. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
  }
  return width;
}

/** The start of a text, no wider than `width`, with `…` where it was cut. */
export function cutTo(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let taken = 0;
  let start = '';
  for (const character of text) {
    taken += characterWidth(character);
    if (taken > width - 1) break;
    start += character;
  }
  return width > 0 ? `${start}…` : '';
}

/** A text filled up with spaces to `width`, or cut to it. */
export function pad(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const fitted = cutTo(text, width);
  const fill = ' '.repeat(Math.max(0, width - displayWidth(fitted)));
  return side === 'left' ? fitted + fill : fill + fitted;
}

const COMBINING = /^(?:\p{Mn}|\p{Me}|\p{Cf})$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

function characterWidth(character: string): number {
  if (character < '\u0300') return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

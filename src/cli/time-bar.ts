/** The time a whole run took, milliseconds since the Unix epoch. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
}

/** A bar of `width` columns that shows where in `whole` the time from `start` to `end` lay. At least a tick. */
export function timeBar(start: number, end: number, whole: TimeSpan, width: number): string {
  const length = whole.end - whole.start;
  const column = (time: number) => (length <= 0 ? 0 : ((time - whole.start) / length) * width);
  const from = Math.min(width - 1, Math.max(0, Math.floor(column(start))));
  const to = Math.min(width, Math.max(from + 1, Math.round(column(end))));
  const mark = column(end) - column(start) < 0.5 ? '▏' : '█';
  return ' '.repeat(from) + mark.repeat(to - from) + ' '.repeat(width - to);
}

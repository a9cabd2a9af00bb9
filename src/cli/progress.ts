import { formatDuration } from './quantities.ts';

/** How often the line is written anew. Milliseconds. */
const REFRESH_MILLIS = 250;

/**
 * Says on a terminal that something is going on, how far it is and how long it has taken. Elsewhere it is silent.
 * `state` is asked for what to say.
 */
export async function withProgress<T>(state: () => string, work: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work();
  const start = performance.now();
  const show = () =>
    process.stderr.write(`\r${state()} … ${formatDuration(performance.now() - start)}\u001b[K`);
  show();
  const timer = setInterval(show, REFRESH_MILLIS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    process.stderr.write('\r\u001b[K');
  }
}

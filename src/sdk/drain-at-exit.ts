import { logGuarded } from '../export/guarded-log.ts';

/** How long the end of a process may wait once the event loop ran empty: nobody waits but the shell. */
const IDLE_MILLIS = 2_000;
/** How long `process.exit` may take for it, synchronously. */
const EXIT_MILLIS = 1_000;
/** How often it is looked whether everything is stored. */
const LOOK_MILLIS = 2;

/** What has to reach its store before the process ends. */
export interface Drainable {
  /** Whether the end of the process waits for it. */
  readonly drainsAtExit: boolean;
  /** Records not stored yet. */
  readonly queued: number;
  /** Queues what is held back. Never throws. */
  settle(): void;
  /** Writes what it can, blocking for `millis` at most, and leaves the rest where it is. Never throws. */
  handOver(millis: number): void;
}

const drainables = new Set<Drainable>();
const flushes = new Set<() => Promise<void>>();
let isListening = false;

/**
 * Sees to it that the records of a short program reach the store, where that is asked for. When the event loop runs empty, the process waits
 * until they are written; on `process.exit` and after an uncaught exception they are handed to the store's thread, which
 * is waited for. Both are bounded, print nothing, leave the exit code alone and cost nothing where nothing is
 * queued. Otherwise what is queued stays in the spool. There are no signal
 * handlers: a signal that ends the process loses what is in memory alone. Returns how to stop.
 */
export function drainAtExit(drainable: Drainable): () => void {
  listen();
  drainables.add(drainable);
  return () => drainables.delete(drainable);
}

/**
 * Has something flushed once when the event loop runs empty. Its own open sockets and timers may hold the process
 * longer than our bound: an OTLP exporter whose collector is down retries for `OTEL_EXPORTER_OTLP_TIMEOUT`.
 */
export function flushAtExit(flush: () => Promise<void>): void {
  listen();
  flushes.add(flush);
}

function listen(): void {
  if (isListening) return;
  isListening = true;
  let hasGivenUp = false;
  process.on('beforeExit', () => {
    // Emitted again after each wait: only something new may start another.
    for (const drainable of drainables) drainable.settle();
    if (hasGivenUp || (queued() === 0 && flushes.size === 0)) return;
    const running = new Set<object>();
    for (const flush of flushes) {
      const done = flush().catch(() => undefined);
      running.add(done);
      void done.then(() => running.delete(done));
    }
    flushes.clear();
    const deadline = performance.now() + IDLE_MILLIS;
    const look = setInterval(() => {
      hasGivenUp = performance.now() >= deadline;
      if (hasGivenUp)
        logGuarded('warn', () => `the process ends with ${queued()} records that were not written`);
      if (hasGivenUp || (queued() === 0 && running.size === 0)) clearInterval(look);
    }, LOOK_MILLIS);
  });
  process.on('exit', () => {
    for (const drainable of drainables) {
      drainable.settle();
      if (!drainable.drainsAtExit) drainable.handOver(0);
      else if (drainable.queued > 0) drainable.handOver(EXIT_MILLIS);
    }
  });
}

function queued(): number {
  let count = 0;
  for (const { drainsAtExit, queued } of drainables) if (drainsAtExit) count += queued;
  return count;
}

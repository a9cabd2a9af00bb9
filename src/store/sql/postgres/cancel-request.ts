import type { PostgresClient } from './postgres-pool.ts';

/** https://www.postgresql.org/docs/current/protocol-message-formats.html, CancelRequest. */
const CANCEL_REQUEST = 80_877_102;
const LENGTH = 16;

/**
 * Has the server give up what a connection is at. Resolves once the server has heard of it, which it says by closing, or after
 * `millis`; never rejects. Without it a backend that waits, for a lock or for a standby, would go on waiting when its client is gone: it
 * looks for that only where `client_connection_check_interval` is set, and the next try would have another backend wait. `pg` can do
 * it too, but not without a warning that the process would print.
 *
 * Not for a connection through a pooler: of PgBouncer older than 1.18 it may hit somebody else's query, and up to 1.25 it may bring the
 * pooler down.
 */
export function requestCancel(client: PostgresClient, millis: number): Promise<void> {
  const { host, port, processID, secretKey } = client;
  if (host === undefined || port === undefined) return Promise.resolve();
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return Promise.resolve();
  const request = Buffer.alloc(LENGTH);
  for (const [at, word] of [LENGTH, CANCEL_REQUEST, processID, secretKey].entries()) {
    request.writeInt32BE(word, at * 4);
  }
  const { connect } = process.getBuiltinModule('node:net');
  return new Promise((resolve) => {
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    const timer = setTimeout(() => socket.destroy(), millis).unref();
    socket.unref();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // Read to its end, or it would never be over.
    socket.resume();
    socket.write(request);
  });
}

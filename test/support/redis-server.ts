import { freePort } from './free-port.ts';
import { findServer, serverFolder, startServer, type TestServer } from './server-process.ts';

const BINARY = findServer('redis-server');

/** Whether a Redis can be started here (Debian: `apt install redis-server`). */
export const hasRedis = BINARY !== undefined;

/** A Redis that keeps nothing on disk. */
export async function startRedis(): Promise<TestServer> {
  if (BINARY === undefined) throw new Error('redis-server is not installed: apt install redis-server');
  const port = await freePort();
  const folder = await serverFolder('redis');
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  return startServer({ binary: BINARY, args, port, url: `redis://127.0.0.1:${port}`, folder });
}

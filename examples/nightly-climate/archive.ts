import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DATA = join(fileURLToPath(import.meta.resolve('vega-datasets')), '..', '..', 'data');
const FILES = new Set([
  'weather.csv',
  'seattle-weather-hourly-normals.csv',
  'co2-concentration.csv',
  'global-temp.csv',
]);
/** Like many a public archive, it asks its users to come back later when they come too often. */
const MS_BETWEEN_REQUESTS = 1_000;

/** A public archive on 127.0.0.1: it serves data files, one a second, and answers 429 in between. */
export async function startArchive(): Promise<{ url: string; close(): Promise<void> }> {
  let openAgainAt = 0;
  const server = createServer((request, response) => {
    const file = (request.url ?? '').slice(1);
    if (!FILES.has(file)) {
      response.writeHead(404).end();
      return;
    }
    if (performance.now() < openAgainAt) {
      response.writeHead(429, { 'retry-after': String(MS_BETWEEN_REQUESTS / 1_000) }).end();
      return;
    }
    openAgainAt = performance.now() + MS_BETWEEN_REQUESTS;
    response.writeHead(200, { 'content-type': 'text/csv' });
    createReadStream(join(DATA, file)).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

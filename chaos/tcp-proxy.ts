import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from './seeded.ts';

/**
 * What happens to connections: they `pass`; every answer takes a while (`delay`); nothing comes through any more, and
 * nobody is told (`stall`); they are cut (`reset`); the server seems to have ended its half (`half-close`); answers come byte by byte
 * (`drip`), or are no answers (`garbage`); nobody listens (`refuse`).
 */
export type ProxyMode = 'pass' | 'delay' | 'stall' | 'reset' | 'half-close' | 'drip' | 'garbage' | 'refuse';

const DELAY_MILLIS = 400;
const DRIP_MILLIS = 1;
/** Bytes that are dripped one by one; the rest of an answer follows at once, or a large answer would never end. */
const DRIPPED = 64;

/** Stands between a client and a server on 127.0.0.1, and does to their bytes what it is told. */
export class TcpProxy {
  #target: number;
  readonly #random: Random;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #mode: ProxyMode = 'pass';
  /** Bytes from clients, and from the server. */
  readonly bytes = { sent: 0, received: 0 };
  #watched: Buffer | undefined;
  #seen = 0;

  private constructor(target: number, random: Random) {
    this.#target = target;
    this.#random = random;
    this.#server = createServer((client) => this.#join(client));
  }

  static async open(target: number, random: Random): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, random);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** The port that connections lead to from now on. Those that are open stay where they are. */
  set target(port: number) {
    this.#target = port;
  }

  /** Counts answers with these bytes in them; `seen` says how many there were. */
  watch(bytes: string): void {
    this.#watched = Buffer.from(bytes);
  }

  get seen(): number {
    return this.#seen;
  }

  /** Applies to connections that are open and to those that come. */
  set mode(mode: ProxyMode) {
    this.#mode = mode;
    for (const [client, server] of this.#pairs) {
      if (mode === 'reset' || mode === 'refuse') {
        client.resetAndDestroy();
        server.destroy();
      } else if (mode === 'half-close') {
        client.end();
      }
    }
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    if (this.#mode === 'reset' || this.#mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#pairs.delete(pair);
        // What stalls keeps its silence: the other side is not told of the end.
        if (this.#mode !== 'stall') to.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      this.bytes.sent += chunk.length;
      if (this.#mode !== 'stall') server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      this.bytes.received += chunk.length;
      if (this.#watched !== undefined && chunk.includes(this.#watched)) this.#seen++;
      void this.#answer(client, server, chunk);
    });
  }

  async #answer(client: Socket, server: Socket, chunk: Buffer): Promise<void> {
    const write = (bytes: Buffer) => {
      if (client.writable) client.write(bytes);
    };
    switch (this.#mode) {
      case 'stall':
        return;
      case 'garbage':
        write(Buffer.from(chunk.map(() => Math.floor(this.#random() * 256))));
        return;
      case 'delay':
        // Paused, or a later answer would overtake this one.
        server.pause();
        await pause(DELAY_MILLIS);
        write(chunk);
        server.resume();
        return;
      case 'drip':
        server.pause();
        for (let index = 0; index < Math.min(DRIPPED, chunk.length); index++) {
          write(chunk.subarray(index, index + 1));
          await pause(DRIP_MILLIS);
        }
        write(chunk.subarray(DRIPPED));
        server.resume();
        return;
      default:
        write(chunk);
    }
  }
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

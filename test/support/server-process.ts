import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A database or queue server of a test's own, on 127.0.0.1, with an empty data folder. */
export interface TestServer {
  readonly port: number;
  /** How a client reaches it. */
  readonly url: string;
  /** The server's main process: to stop it, to let it go on, to kill it. */
  readonly pid: number;
  /** Ends the server and waits for its end. The data stay. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port with the same data, if it has ended. */
  start(): Promise<void>;
  /** Ends it and removes the data. */
  dispose(): Promise<void>;
}

/** How a server's process is started and asked whether it is there. */
export interface ServerCommand {
  readonly binary: string;
  readonly args: readonly string[];
  /** The user it runs as, where it refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** Resolves once it takes statements; tried until it does. @default once the port is open */
  readonly probe?: () => Promise<void>;
}

const START_MILLIS = 60_000;

/** A program on the path or in one of the places (globs) where distributions put it. Undefined where it is not installed. */
export function findServer(name: string, places: readonly string[] = []): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...places.flatMap((place) => globSync(place).reverse()),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export function serverFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `runledger-${name}-`));
}

/** Starts a server and waits until it answers; rejects with what it printed where it does not. */
export async function startServer(command: ServerCommand): Promise<TestServer> {
  const server = new RunningServer(command);
  await server.start();
  return server;
}

class RunningServer implements TestServer {
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  get port(): number {
    return this.#command.port;
  }

  get url(): string {
    return this.#command.url;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the server does not run');
    return pid;
  }

  async start(): Promise<void> {
    if (this.#isRunning) return;
    const { binary, args, user, folder } = this.#command;
    const child = spawn(binary, [...args], { cwd: folder, ...user, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + String(chunk)).slice(-4_000);
      });
    }
    const deadline = performance.now() + START_MILLIS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`${binary} did not start:\n${this.#output}`);
      }
      await sleep(50);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#isRunning) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  get #isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async dispose(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#command.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #answers(): Promise<boolean> {
    try {
      await (this.#command.probe ?? (() => portOpen(this.#command.port)))();
      return true;
    } catch {
      return false;
    }
  }
}

async function portOpen(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

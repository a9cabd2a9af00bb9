import type { Worker } from 'node:worker_threads';
import { moduleUrl } from '../../own-files.ts';
import type { SqliteSettings } from './sqlite-connection.ts';
import {
  SIGNAL,
  type WorkerCall,
  type WorkerCalls,
  type WorkerData,
  type WorkerResponse,
  type WriteBatch,
} from './sqlite-protocol.ts';

/** An error from the store's thread. `errcode` is SQLite's extended result code, where the error is SQLite's. */
export class SqliteStoreError extends Error {
  override readonly name = 'SqliteStoreError';
  /** `ERR_SQLITE_ERROR` for SQLite's own errors, `RUNLEDGER_…` for ours, a system code such as `EACCES` otherwise. */
  readonly code: string;
  readonly errcode: number | undefined;

  constructor(message: string, code: string, errcode?: number) {
    super(message);
    this.code = code;
    this.errcode = errcode;
  }
}

interface PendingCall {
  readonly resolve: (result: never) => void;
  readonly reject: (error: SqliteStoreError) => void;
}

/**
 * The thread that owns a connection, seen from the thread that uses it. It holds the process open only while a call
 * is pending. Once it died, every call rejects with Node's `ERR_WORKER_NOT_RUNNING`, and a new one has to be started.
 */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;
  #death: SqliteStoreError | undefined;

  constructor(settings: SqliteSettings) {
    const workerData: WorkerData = { settings };
    // Loaded with the first thread, not with the package: see docs/architecture.md.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(moduleUrl('store/sql/sqlite-worker'), {
      name: 'runledger-sqlite',
      workerData,
      // Nothing of the application's own start: its --import hooks, among them ours, would run in this thread too.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: {},
    });
    this.#worker.unref();
    this.#worker.on('message', (response: WorkerResponse) => this.#settle(response));
    this.#worker.on('error', (error) => this.#die(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', (exitCode) => this.#die(`it exited with code ${exitCode}`));
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  call<Call extends WorkerCall>(
    call: Call,
    argument: WorkerCalls[Call]['argument'],
  ): Promise<WorkerCalls[Call]['result']> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) {
        reject(this.#death);
        return;
      }
      // Throws for what can not be copied, before the call is pending.
      const id = this.#post(call, argument);
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { resolve, reject });
    });
  }

  /**
   * Posts the calls and blocks, `millis` at most, until the content is written. Returns whether it is. For the end of the
   * process alone, when no answer can arrive any more.
   */
  writeAtExit(initAt: number, content: WriteBatch, millis: number): boolean {
    if (this.#death !== undefined) return false;
    const signal = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    // The thread takes messages in order, and opening what is open changes nothing.
    this.#post('init', { now: initAt });
    this.#post('writeAtExit', { content, signal });
    Atomics.wait(signal, 0, SIGNAL.pending, millis);
    return Atomics.load(signal, 0) === SIGNAL.stored;
  }

  /** Lets the calls before it finish, closes the connection and ends the thread. Never rejects. */
  async close(): Promise<void> {
    if (this.#death !== undefined) return;
    await this.call('close', undefined).catch(() => undefined);
    await this.#worker.terminate();
  }

  #post<Call extends WorkerCall>(call: Call, argument: WorkerCalls[Call]['argument']): number {
    const id = ++this.#lastId;
    this.#worker.postMessage({ id, call, argument });
    return id;
  }

  #settle(response: WorkerResponse): void {
    const call = this.#pending.get(response.id);
    if (call === undefined) return;
    this.#pending.delete(response.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ('error' in response) {
      const { message, code, errcode } = response.error;
      call.reject(new SqliteStoreError(message, code ?? 'RUNLEDGER_STORE_ERROR', errcode));
      return;
    }
    // The worker answers a call with that call's result.
    call.resolve(response.result as never);
  }

  #die(reason: string): void {
    this.#death ??= new SqliteStoreError(
      `the thread of the SQLite store ended: ${reason}`,
      'ERR_WORKER_NOT_RUNNING',
    );
    for (const call of this.#pending.values()) call.reject(this.#death);
    this.#pending.clear();
  }
}

import { existsSync, readdirSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { QuarantineFiles, RefusalFile } from '../export/quarantine-files.ts';
import type { QuarantinedRecord } from '../store/record-store.ts';
import { FolderSync } from './folder-sync.ts';
import { QUARANTINE_NAME } from './instance-directory.ts';
import { type InstanceLock, lockDirectory } from './instance-lock.ts';
import { readRefusal, refusalFrame, writeSynced } from './quarantine-file.ts';

/** Files at most: each is a record for somebody to look at. */
const MAX_FILES = 10_000;
/** How long a count of them holds: other processes add some, and remove some. Milliseconds. */
const COUNTED_MILLIS = 60_000;
/** A file that has not been finished for so long will not be. Milliseconds. */
const ABANDONED_MILLIS = 3_600_000;

/** Instance, `seq`, record id and `rev`: what the ledger has to know of a record even where its file is damaged. */
const NAME = /^([\w-]{1,64})\.(\d{1,15})\.([0-9a-f]{29})\.(\d{1,15})\.seg$/;
const UNFINISHED = '.tmp';

/** The quarantine beside a spool: a folder with a file for each record. Files are written off the main thread. */
export class QuarantineFolder implements QuarantineFiles {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #folders = new FolderSync();
  #usage = { countedAt: Number.NEGATIVE_INFINITY, files: 0, bytes: 0 };

  /** `maxBytes` of all files, beyond which nothing more is kept: the first to be refused tell the most. */
  constructor(spoolDirectory: string, maxBytes: number = Number.POSITIVE_INFINITY) {
    this.path = join(spoolDirectory, QUARANTINE_NAME);
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    try {
      return !readdirSync(this.path).some((name) => NAME.test(name));
    } catch {
      return true;
    }
  }

  async keep(records: readonly QuarantinedRecord[]): Promise<readonly QuarantinedRecord[]> {
    const kept: QuarantinedRecord[] = [];
    for (const record of records) {
      const isKept = await this.#keep(record).catch(() => false);
      if (isKept) kept.push(record);
    }
    if (kept.length > 0) await this.#syncNames();
    return kept;
  }

  async list(): Promise<readonly RefusalFile[]> {
    const names = await readdir(this.path).catch(() => []);
    return names.sort().flatMap((name) => this.#fileNamed(name) ?? []);
  }

  async alone(work: (files: readonly RefusalFile[]) => Promise<void>): Promise<boolean> {
    const lock = existsSync(this.path) ? this.#lock() : { release: () => undefined };
    if (lock === undefined) return false;
    try {
      await this.#removeUnfinished().catch(() => undefined);
      const files = await this.list();
      await work(files);
      if (files.length > 0) await this.#syncNames();
      return true;
    } finally {
      lock.release();
    }
  }

  #lock(): InstanceLock | undefined {
    try {
      return lockDirectory(this.path, 'create');
    } catch {
      return undefined;
    }
  }

  /** Resolves to whether the record is in a file now. Rejects as the file system does. */
  async #keep({ record, reason }: QuarantinedRecord): Promise<boolean> {
    const { instanceId, seq, recordId, rev } = record;
    const name = `${instanceId}.${seq}.${recordId}.${rev}.seg`;
    const frame = refusalFrame({ record, reason, at: Date.now() });
    if (frame === undefined || !NAME.test(name) || !(await this.#hasRoom(frame.length))) return false;
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const unfinished = join(this.path, `${name}.${process.pid}${UNFINISHED}`);
    try {
      await writeSynced(unfinished, frame);
      await rename(unfinished, join(this.path, name));
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => undefined);
      throw error;
    }
    this.#usage.files++;
    this.#usage.bytes += frame.length;
    return true;
  }

  async #hasRoom(bytes: number): Promise<boolean> {
    if (performance.now() - this.#usage.countedAt > COUNTED_MILLIS) {
      this.#usage = { countedAt: performance.now(), files: 0, bytes: 0 };
      for (const { path } of await this.list()) {
        this.#usage.files++;
        this.#usage.bytes += (await lstat(path).catch(() => undefined))?.size ?? 0;
      }
    }
    return this.#usage.files < MAX_FILES && this.#usage.bytes + bytes <= this.#maxBytes;
  }

  #fileNamed(name: string): RefusalFile | undefined {
    const [, instanceId = '', seq, recordId = '', rev] = NAME.exec(name) ?? [];
    if (rev === undefined) return undefined;
    const path = join(this.path, name);
    const read = () => readRefusal(path);
    const remove = () => rm(path, { force: true });
    return { path, instanceId, seq: Number(seq), recordId, rev: Number(rev), read, remove };
  }

  /** What a process that died has left behind half written: its record is in the spool yet. */
  async #removeUnfinished(): Promise<void> {
    for (const name of await readdir(this.path).catch(() => [])) {
      if (!name.endsWith(UNFINISHED)) continue;
      const path = join(this.path, name);
      const { mtimeMs } = await lstat(path);
      if (Date.now() - mtimeMs > ABANDONED_MILLIS) await rm(path, { force: true });
    }
  }

  #syncNames(): Promise<void> {
    return new Promise((resolve) => this.#folders.sync(join(this.path, 'any'), () => resolve()));
  }
}

import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, utimes, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type InstanceLock, lockDirectory } from './instance-lock.ts';

/** Touched while its owner lives; holds a header frame, in case those of the segments are damaged. */
export const INSTANCE_FILE = 'instance';

/** The folder of what stores refuse, which is no instance's. */
export const QUARANTINE_NAME = 'quarantine';

/** How often the file is touched. Milliseconds. */
const HEARTBEAT_MILLIS = 5_000;
/** Tries for a directory that another process has taken in the moment it was made. */
const TRIES = 3;

/** The directory of a living instance, locked. */
export class InstanceDirectory {
  readonly path: string;
  readonly #lock: InstanceLock;
  readonly #timer: NodeJS.Timeout;

  private constructor(path: string, lock: InstanceLock, onBeat: () => void, onVanished: () => void) {
    this.path = path;
    this.#lock = lock;
    this.#timer = setInterval(() => {
      const now = new Date();
      utimes(join(path, INSTANCE_FILE), now, now, (error) => {
        if (error?.code === 'ENOENT' && !existsSync(path)) onVanished();
      });
      onBeat();
    }, HEARTBEAT_MILLIS).unref();
  }

  /**
   * Makes and locks the directory of an instance; throws where that can not be done. `onBeat` is called every few
   * seconds, `onVanished` when somebody has removed it.
   */
  static create(
    root: string,
    instanceId: string,
    header: Uint8Array,
    onBeat: () => void,
    onVanished: () => void,
  ): InstanceDirectory {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const path = join(root, attempt === 0 ? instanceId : `${instanceId}.${process.pid}-${attempt}`);
      createDirectory(path);
      // Nobody but an adopter that was faster can hold it, and it will remove what it finds empty.
      const lock = lockDirectory(path, 'create');
      if (lock === undefined) continue;
      try {
        writeHeader(join(path, INSTANCE_FILE), header);
        return new InstanceDirectory(path, lock, onBeat, onVanished);
      } catch (error) {
        lock.release();
        throw error;
      }
    }
    throw Object.assign(new Error(`${root} is being changed by others`), { code: 'EBUSY' });
  }

  /** Leaves the directory to whoever adopts it. */
  release(): void {
    clearInterval(this.#timer);
    this.#lock.release();
  }

  /** Removes the directory with all it holds. */
  remove(): void {
    clearInterval(this.#timer);
    try {
      rmSync(this.path, { recursive: true, force: true });
    } catch {
      // It is found empty, or by its rest, at the next start.
    }
    this.#lock.release();
  }
}

/** It is there to be touched; what is in it is a spare, which a full disk may do without. */
function writeHeader(path: string, header: Uint8Array): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    writeSync(fd, header);
  } catch {
    // The segments have it too.
  } finally {
    closeSync(fd);
  }
}

/** The names in the spool that may be directories of instances, none where there is no spool. */
export function instanceNames(root: string): readonly string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== QUARANTINE_NAME)
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Made with all its parents, Node says ENOENT for a read-only file system; made alone, it says EROFS. */
function createDirectory(path: string): void {
  const options = { recursive: true, mode: 0o700 };
  try {
    mkdirSync(path, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path, { ...options, recursive: false });
  }
}

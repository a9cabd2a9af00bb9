import { close, closeSync, fsync, fsyncSync, open, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** What may be better the next time. Whatever else fails would fail again: not every system can sync a folder. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/**
 * Forces the names of files to disk: POSIX promises nothing of a file, however well its data are synced, whose folder is
 * not. The folders above a folder are synced with its first file, since any of them may be as new.
 */
export class FolderSync {
  readonly #withAncestors = new Set<string>();

  /** Syncs the folder of a file, off the main thread. Tells whether all is done that can be. */
  sync(path: string, onDone: (isDone: boolean) => void): void {
    const folders = this.#foldersOf(path);
    const next = (): void => {
      const folder = folders.shift();
      if (folder === undefined) {
        this.#withAncestors.add(dirname(path));
        onDone(true);
        return;
      }
      syncFolder(folder, (error) => {
        if (SHORTAGES.has(error?.code ?? '')) onDone(false);
        else next();
      });
    };
    next();
  }

  /** The same while everything waits. Never throws. */
  syncNow(path: string): void {
    for (const folder of this.#foldersOf(path)) {
      try {
        const fd = openSync(folder, 'r');
        try {
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      } catch {
        // There is no time left to try it again.
      }
    }
    this.#withAncestors.add(dirname(path));
  }

  #foldersOf(path: string): string[] {
    const folder = dirname(path);
    const folders = [folder];
    if (this.#withAncestors.has(folder)) return folders;
    for (let above = dirname(folder), below = folder; above !== below; above = dirname(above)) {
      folders.push(above);
      below = above;
    }
    return folders;
  }
}

function syncFolder(folder: string, onDone: (error: NodeJS.ErrnoException | null) => void): void {
  open(folder, 'r', (error, fd) => {
    if (error !== null) {
      onDone(error);
      return;
    }
    fsync(fd, (failure) => close(fd, () => onDone(failure)));
  });
}

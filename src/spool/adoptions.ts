import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AdoptedInstance } from '../export/record-queue.ts';
import { type Adoption, adoptDirectory } from './adoption.ts';
import { instanceNames } from './instance-directory.ts';
import type { SpoolFiles } from './spool-files.ts';

/** The dead instances that a queue has taken over, until they are forgotten. */
export class Adoptions {
  readonly #directory: string;
  readonly #files: SpoolFiles;
  readonly #held = new Map<string, Adoption>();
  #adopting: Promise<readonly Adoption[]> | undefined;
  #isReleased = false;

  constructor(directory: string, files: SpoolFiles) {
    this.#directory = directory;
    this.#files = files;
  }

  /** Those all of whose records are settled. */
  get settled(): readonly AdoptedInstance[] {
    return [...this.#held.values()].filter(({ isSettled }) => isSettled);
  }

  /** Takes over what it finds, one directory after the other; what another call is about to take over is left to that. Never rejects. */
  async adopt(isOwn: (path: string) => boolean): Promise<readonly Adoption[]> {
    if (this.#adopting !== undefined) {
      await this.#adopting;
      return [];
    }
    this.#adopting = this.#adoptAll(isOwn);
    const adopted = await this.#adopting;
    this.#adopting = undefined;
    return adopted;
  }

  /** Removes what is left of an instance. */
  forget(adopted: AdoptedInstance): void {
    for (const [path, adoption] of this.#held) {
      if (adoption !== adopted) continue;
      this.#held.delete(path);
      for (const segment of adoption.segments) this.#files.drop(segment);
      void adoption.remove();
    }
  }

  /** Leaves all to whoever adopts them next. */
  release(): void {
    this.#isReleased = true;
    for (const adoption of this.#held.values()) adoption.release();
    this.#held.clear();
  }

  async #adoptAll(isOwn: (path: string) => boolean): Promise<readonly Adoption[]> {
    const adopted: Adoption[] = [];
    for (const name of instanceNames(this.#directory)) {
      const path = join(this.#directory, name);
      if (isOwn(path) || this.#held.has(path)) continue;
      // A lock is tried for while everything waits; there may be many, all of them taken.
      await nextTurn();
      if (this.#isReleased) return [];
      const adoption = await adoptDirectory(path, () => this.#files.nextId()).catch(() => undefined);
      if (adoption === undefined) continue;
      this.#held.set(path, adoption);
      for (const segment of adoption.segments) this.#files.add(segment);
      adopted.push(adoption);
    }
    if (!this.#isReleased) return adopted;
    this.release();
    return [];
  }
}

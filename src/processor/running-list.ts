/** What a {@link RunningList} keeps on its members. Owned by the list. */
export interface Listed<Member> {
  older: Member | undefined;
  newer: Member | undefined;
  isListed: boolean;
}

/**
 * What runs now, first to start first. Linked through its members: adding one and taking any one out is
 * a few assignments, where a Map would hash a span id three times for each execution.
 */
export class RunningList<Member extends Listed<Member>> {
  #oldest: Member | undefined;
  #newest: Member | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(execution: Member): void {
    if (execution.isListed) return;
    execution.isListed = true;
    execution.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = execution;
    else this.#newest.newer = execution;
    this.#newest = execution;
    this.#size++;
  }

  remove(execution: Member): void {
    if (!execution.isListed) return;
    const { older, newer } = execution;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    execution.older = undefined;
    execution.newer = undefined;
    execution.isListed = false;
    this.#size--;
  }

  removeOldest(): Member | undefined {
    const oldest = this.#oldest;
    if (oldest !== undefined) this.remove(oldest);
    return oldest;
  }

  *[Symbol.iterator](): Generator<Member> {
    for (let execution = this.#oldest; execution !== undefined; execution = execution.newer) yield execution;
  }
}

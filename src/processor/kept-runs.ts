import type { ExecutionRecord, KeepReason } from '../records/execution-record.ts';
import { isDrawn, type KeepPolicy, reasonToKeepRun } from '../records/keep-policy.ts';

/** What the keep policy knows of one run in this process. */
export interface KeptRun {
  readonly runId: string;
  /** Records that wait for the end of the run. */
  held: ExecutionRecord[];
  /** Why the run is kept whole; undefined as long as nothing says so. */
  whole: KeepReason | undefined;
  /** The draw for what is not kept whole; undefined as long as nobody drew. */
  isDrawn: boolean | undefined;
  /** Whether nothing is held any more: it ended, or may never end. */
  isSettled: boolean;
}

/** Where a record stands in its run. */
export interface PlaceInRun {
  /** It is the row of the run itself. */
  readonly isRun: boolean;
  /** Nothing above it runs in this process, so its end is the run's end here. */
  readonly isLocalRoot: boolean;
  /** Somebody asked for every record of the run. */
  readonly isForced: boolean;
}

/**
 * Holds the records of runs until it is known whether they are kept, and lets go of the rest. A run that fails is
 * known to be kept at its first failed record, so from then on nothing of it is held.
 *
 * What exceeds the bounds is decided at once, by the run's draw and with its rate: the weights stay true, only a
 * run that fails later is then not whole. Runs that never end are settled in the same way, oldest first.
 */
export class KeptRuns {
  readonly #policy: KeepPolicy;
  readonly #release: (record: ExecutionRecord) => void;
  readonly #letGo: (count: number) => void;
  /** Runs that hold records, first to hold first. */
  readonly #holding = new Set<KeptRun>();
  #held = 0;
  #decidedEarly = 0;
  #isClosed = false;

  constructor(
    policy: KeepPolicy,
    release: (record: ExecutionRecord) => void,
    letGo: (count: number) => void,
  ) {
    this.#policy = policy;
    this.#release = release;
    this.#letGo = letGo;
  }

  /** Records that are held now. */
  get held(): number {
    return this.#held;
  }

  /** Records that were decided before their run ended, because too many were held. */
  get decidedEarly(): number {
    return this.#decidedEarly;
  }

  /** A run that starts here; undefined where everything is kept, so nothing need be known of runs. */
  start(runId: string): KeptRun | undefined {
    if (this.#policy.rate >= 1) return undefined;
    return { runId, held: [], whole: undefined, isDrawn: undefined, isSettled: false };
  }

  /** Releases the record, holds it, or lets it go. */
  offer(record: ExecutionRecord, run: KeptRun, place: PlaceInRun): void {
    const reason = reasonToKeepRun(record, place.isForced);
    if (reason !== undefined) this.#keepWhole(run, reason);
    const isOver = record.state === 'ended';
    if (place.isRun && isOver) this.#endRun(record, run);
    else if (place.isRun) this.#suspendRun(record, run);
    else if (isOver) this.#hold(record, run);
    else this.#decide(record, run);
    // The row of such a run is written by another process; what is known of it here is over.
    if (place.isLocalRoot && isOver) this.settle(run);
  }

  /** Decides everything that is held of a run by its draw: it ended, or it may never do so. */
  settle(run: KeptRun): void {
    run.isSettled = true;
    const { held } = run;
    if (held.length === 0) return;
    this.#forget(run);
    for (const record of held) this.#decide(record, run);
  }

  /** Settles every run, since what is held would be lost with the process, and holds nothing from now on. */
  close(): void {
    this.#isClosed = true;
    for (const run of this.#holding) this.settle(run);
  }

  #endRun(record: ExecutionRecord, run: KeptRun): void {
    if (run.whole === undefined && (record.durationMs ?? 0) > this.#policy.slowMs)
      this.#keepWhole(run, 'slow');
    this.#releaseAs(record, run.whole ?? (this.#isDrawn(run) ? 'sampled' : 'run'), 1);
    this.settle(run);
  }

  /** It goes on in another segment, perhaps in another process: what happened so far is decided now. */
  #suspendRun(record: ExecutionRecord, run: KeptRun): void {
    this.#releaseAs(record, run.whole ?? 'run', 1);
    this.settle(run);
  }

  #keepWhole(run: KeptRun, reason: KeepReason): void {
    run.whole ??= reason;
    const { held } = run;
    if (held.length === 0) return;
    this.#forget(run);
    for (const record of held) this.#releaseAs(record, run.whole, 1);
  }

  #hold(record: ExecutionRecord, run: KeptRun): void {
    if (this.#mustWait(run)) {
      run.held.push(record);
      this.#held++;
      this.#holding.add(run);
    } else {
      this.#decide(record, run);
    }
  }

  /** Whether a record of the run is to be held; makes room for it. */
  #mustWait(run: KeptRun): boolean {
    if (run.whole !== undefined || run.isSettled || this.#isClosed) return false;
    if (run.held.length < this.#policy.maxHeldPerRun) {
      if (this.#held >= this.#policy.maxHeld) this.#makeRoom();
      if (!run.isSettled && this.#held < this.#policy.maxHeld) return true;
    }
    this.#decidedEarly++;
    return false;
  }

  /** Settles the runs that have held records longest, until an eighth of the room is free. */
  #makeRoom(): void {
    const enough = Math.floor((this.#policy.maxHeld * 7) / 8);
    for (const run of this.#holding) {
      if (this.#held <= enough) return;
      this.#decidedEarly += run.held.length;
      this.settle(run);
    }
  }

  #forget(run: KeptRun): void {
    this.#held -= run.held.length;
    run.held = [];
    this.#holding.delete(run);
  }

  #decide(record: ExecutionRecord, run: KeptRun): void {
    if (run.whole !== undefined) this.#releaseAs(record, run.whole, 1);
    else if (this.#isDrawn(run)) this.#releaseAs(record, 'sampled', this.#policy.rate);
    else this.#letGo(1);
  }

  #isDrawn(run: KeptRun): boolean {
    run.isDrawn ??= isDrawn(this.#policy, run.runId);
    return run.isDrawn;
  }

  #releaseAs(record: ExecutionRecord, reason: KeepReason, sampleRate: number): void {
    record.keepReason = reason;
    record.sampleRate = sampleRate;
    this.#release(record);
  }
}

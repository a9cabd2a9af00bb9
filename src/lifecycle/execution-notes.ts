import type { Attributes } from '@opentelemetry/api';
import type { Moment } from '../execution.ts';
import { ATTR_CHECKPOINT_COUNT } from '../semconv.ts';
import type { Work } from './execution-options.ts';
import { Interrupts } from './interrupts.ts';
import { Timeline } from './timeline.ts';
import { addWork } from './work.ts';

/**
 * What was said about an execution since it started. Made when the first thing is said, which for most steps is
 * never, and kept over suspensions, since each span has to say all of it again.
 */
export class ExecutionNotes {
  /** What the span gets when it ends. */
  readonly attributes: Attributes;
  readonly interrupts: Interrupts;
  #timeline: Timeline | undefined;

  constructor(attributes: Attributes = {}, interrupts: Interrupts = new Interrupts(), timeline?: Timeline) {
    this.attributes = attributes;
    this.interrupts = interrupts;
    this.#timeline = timeline;
  }

  get timeline(): Timeline | undefined {
    return this.#timeline;
  }

  /** The same without the timeline, as if all of it were suspended since then. */
  suspendedAt(at: number): ExecutionNotes {
    const { count, open, since } = this.interrupts;
    const suspendedMs = this.interrupts.suspendedMs(since ?? at);
    return new ExecutionNotes(this.attributes, new Interrupts(count, suspendedMs, open, since ?? at));
  }

  set(attributes: Attributes): void {
    Object.assign(this.attributes, attributes);
  }

  addWork(work: Work): void {
    addWork(this.attributes, work);
  }

  moment(kind: Moment['kind'], ref: string | undefined): void {
    this.#timeline ??= new Timeline();
    this.#timeline.add(kind, ref, Date.now());
    if (kind !== 'checkpoint') return;
    const before = this.attributes[ATTR_CHECKPOINT_COUNT];
    this.attributes[ATTR_CHECKPOINT_COUNT] = typeof before === 'number' ? before + 1 : 1;
  }
}

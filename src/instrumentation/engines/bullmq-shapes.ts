/** The parts of BullMQ that are read, as they are from 5.24 to 6. All of it is public in BullMQ, but where it says so. */

/** A job, in a worker. */
export interface BullmqJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly queueName: string;
  readonly data?: unknown;
  readonly opts?: BullmqJobOptions | undefined;
  /** When it was added, in milliseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly processedOn?: number | undefined;
  /** Set once it ended for good. */
  readonly finishedOn?: number | undefined;
  /** Attempts that ended, so far. */
  readonly attemptsMade: number;
  /** How often a worker took it. */
  readonly attemptsStarted?: number | undefined;
  /** How often it was taken from a worker that no longer answered. Not in early versions. */
  readonly stalledCounter?: number | undefined;
  /** Of the attempts that failed. */
  readonly stacktrace?: readonly unknown[] | null | undefined;
  /** Prefix, queue and id of the job that waits for this one. */
  readonly parentKey?: string | undefined;
  /** Names the schedule that made it. */
  readonly repeatJobKey?: string | undefined;
}

export interface BullmqJobOptions {
  readonly attempts?: number | undefined;
  readonly delay?: number | undefined;
  readonly repeat?: unknown;
  /** Context of the code that added the job. */
  readonly telemetry?:
    | { readonly metadata?: unknown; readonly omitContext?: boolean | undefined }
    | undefined;
  /** The same in early versions. */
  readonly telemetryMetadata?: unknown;
}

/** A worker. `processJob` and `emit` are public, `callProcessJob` is protected, all with these names since 5. */
export interface BullmqWorker {
  readonly id: string;
  /** Prefix and name of its queue. */
  readonly qualifiedName: string;
  readonly opts: { readonly name?: string | undefined; readonly telemetry?: unknown };
}

/** A job of a flow, as the application writes it. */
export interface BullmqFlow {
  readonly name: string;
  readonly queueName: string;
  readonly data?: unknown;
  readonly opts?: BullmqJobOptions | undefined;
}

/** What may hold a `Telemetry`: the options of a queue, or a flow producer. */
export interface TelemetryHolder {
  telemetry?: unknown;
}

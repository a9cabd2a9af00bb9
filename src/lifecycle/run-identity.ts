import { newRunId } from './run-id.ts';

/** What all executions of one run share. */
export class RunIdentity {
  readonly correlationId: string | undefined;
  readonly tenant: string | undefined;
  /** Where the run comes from another process: what its executions there are called. */
  readonly remote: RemoteRun | undefined;
  #id: string | undefined;

  constructor(parts: {
    readonly id?: string | undefined;
    readonly correlationId?: string | undefined;
    readonly tenant?: string | undefined;
    readonly remote?: RemoteRun | undefined;
  }) {
    this.#id = parts.id;
    this.correlationId = parts.correlationId;
    this.tenant = parts.tenant;
    this.remote = parts.remote;
  }

  /** Made when it is first asked for: without an SDK nobody asks, and nothing is spent. */
  get id(): string {
    this.#id ??= newRunId();
    return this.#id;
  }
}

/** A run as another process handed it over. */
export interface RemoteRun {
  readonly runId: string;
  /** The pipeline that encloses the hand-over. */
  readonly pipeline?: string | undefined;
  /** Record id of the execution that handed over. */
  readonly parentRecordId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly attempt?: number | undefined;
  readonly tenant?: string | undefined;
}

import type { Context } from '@opentelemetry/api';
import type { ActiveExecution } from '../execution.ts';
import type { ExecutionOptions } from './execution-options.ts';
import { type RemoteRun, remoteRunOf } from './remote-run.ts';
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

/** The identity of a new execution: its parent's, unless its options say otherwise, else one of its own. */
export function identityOf(
  parent: { readonly identity: RunIdentity } | undefined,
  active: ActiveExecution | undefined,
  options: ExecutionOptions | undefined,
  parentContext: Context,
): RunIdentity {
  const isStated =
    options !== undefined &&
    (options.runId !== undefined || options.correlationId !== undefined || options.tenant !== undefined);
  if (parent !== undefined && !isStated) return parent.identity;
  const remote = parent === undefined ? remoteRunOf(parentContext) : parent.identity.remote;
  return new RunIdentity({
    id: options?.runId ?? active?.runId ?? remote?.runId,
    correlationId: options?.correlationId ?? parent?.identity.correlationId ?? remote?.correlationId,
    tenant: options?.tenant ?? parent?.identity.tenant ?? remote?.tenant,
    remote,
  });
}

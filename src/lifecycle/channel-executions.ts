import { context } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { ATTR_ENGINE } from '../semconv.ts';
import { activateContext } from './activate-context.ts';
import type { PipelineEventMessage, PipelineMessage } from './channels.ts';
import { currentExecution } from './current-execution.ts';
import { Execution } from './execution-handle.ts';
import type { ExecutionOptions } from './execution-options.ts';
import { linksTo } from './links.ts';
import { OpenExecutions } from './open-executions.ts';
import { isRejectionReason } from './outcome.ts';
import { extractExecution, injectExecution } from './propagation.ts';

/** Executions with an id that may be open, or suspended, at once. */
const MAX_OPEN = 10_000;

/** A message whose work is under way. */
interface Tracked {
  readonly execution: Execution;
  /** Ends the activation of the execution's context. */
  leave: (() => void) | undefined;
}

/** The executions that messages on the pipeline channels speak of. State hangs on the message itself. */
export class ChannelExecutions {
  readonly #tracked = new WeakMap<object, Tracked>();
  /** Those with an id: parents are named by it, and suspended ones are gone on with. */
  readonly #open = new OpenExecutions(MAX_OPEN);

  /** The work is about to be called. */
  start(kind: ExecutionKind, message: PipelineMessage): void {
    if (typeof message.name !== 'string') throw new TypeError('name must be a string');
    const execution = this.#suspended(kind, message.id) ?? this.#create(kind, message);
    if (message.carrier !== undefined) injectExecution(message.carrier, { execution });
    this.#tracked.set(message, { execution, leave: activateContext(execution.context) });
  }

  /** The work has returned: it is done, or it goes on asynchronously. */
  leave(message: PipelineMessage): void {
    const tracked = this.#tracked.get(message);
    tracked?.leave?.();
    if (tracked !== undefined) tracked.leave = undefined;
    if ('error' in message || 'result' in message) this.settle(message);
  }

  /** The work is done. */
  settle(message: PipelineMessage): void {
    const tracked = this.#tracked.get(message);
    if (tracked === undefined) return;
    this.#tracked.delete(message);
    const { execution } = tracked;
    if ((message.status === 'suspended' || message.status === 'deferred') && !('error' in message)) {
      this.#suspend(execution, message);
      return;
    }
    if (message.id !== undefined) this.#open.take(message.id, execution.kind);
    end(execution, message);
  }

  /** Something happened that has no duration. */
  event(message: PipelineEventMessage): void {
    const { type, id, kind, name, engine, reason } = message;
    const ref = String(message.ref ?? reason ?? type);
    const execution = id === undefined ? currentExecution() : this.#open.find(String(id), kind)?.execution;
    if ((type === 'rejected' || type === 'skipped') && name !== undefined) {
      const options = engine === undefined ? undefined : { attributes: { [ATTR_ENGINE]: engine } };
      const unstarted = new Execution(kind ?? 'step', name, options, context.active(), true);
      answer(unstarted, type, reason);
      unstarted.settleReturned();
    } else if (type === 'rejected' || type === 'skipped') {
      if (execution !== undefined) answer(execution, type, reason);
    } else if (type === 'checkpoint') execution?.checkpoint(ref);
    else if (type === 'retry') execution?.retry(ref);
    else if (type === 'interrupt') execution?.interrupt(ref, reason);
    else if (type === 'resume') execution?.resume(ref);
    else if (type === 'heartbeat') execution?.heartbeat();
    else execution?.mark(type);
  }

  #create(kind: ExecutionKind, message: PipelineMessage): Execution {
    const { id, parentId, parentCarrier } = message;
    const parent = parentId === undefined ? undefined : this.#open.find(parentId)?.execution;
    const around = parentCarrier === undefined ? context.active() : extractExecution(parentCarrier);
    const parentContext = parent?.contextForChildren() ?? around;
    const isRoot = parent === undefined && parentCarrier === undefined && currentExecution() === undefined;
    const runId = message.runId ?? (isRoot && kind === 'pipeline' ? id : undefined);
    const execution = new Execution(kind, message.name, optionsOf(message, runId), parentContext, true);
    if (id !== undefined) this.#open.add(id, execution);
    return execution;
  }

  /** The execution that an earlier message with this id left suspended. */
  #suspended(kind: ExecutionKind, id: string | undefined): Execution | undefined {
    const execution = id === undefined ? undefined : this.#open.find(id, kind)?.execution;
    if (execution === undefined || execution.isRunning) return undefined;
    execution.resume(SUSPENSION);
    return execution;
  }

  /** With an id it can be gone on with; without one its record stays suspended. */
  #suspend(execution: Execution, { id, status }: PipelineMessage): void {
    if (id === undefined) execution.detach();
    else execution.interrupt(SUSPENSION, status);
  }
}

/** Id of the interrupt a suspended message stands for. */
const SUSPENSION = 'channel';

function end(execution: Execution, message: PipelineMessage): void {
  const { status, reason, error } = message;
  if (status === 'skipped' || status === 'rejected') answer(execution, status, reason);
  else if (status === 'cancelled') execution.end('cancellation', error);
  else if ('error' in message) {
    execution.settleThrown(error);
    return;
  }
  execution.settleReturned();
}

function answer(execution: Execution, type: 'rejected' | 'skipped', reason: string | undefined): void {
  if (type === 'skipped') execution.skip(reason ?? 'skipped');
  else if (isRejectionReason(reason)) execution.reject({ reason });
  else execution.reject({ reason: 'other', ...(reason !== undefined && { detail: reason }) });
}

function optionsOf(message: PipelineMessage, runId: string | undefined): ExecutionOptions {
  const { engine, attempt, maxAttempts, correlationId, tenant, attributes } = message;
  return {
    runId,
    attempt,
    maxAttempts,
    correlationId,
    tenant,
    links: linksTo('trigger', ...(message.links ?? [])),
    attributes: engine === undefined ? attributes : { ...attributes, [ATTR_ENGINE]: engine },
  };
}

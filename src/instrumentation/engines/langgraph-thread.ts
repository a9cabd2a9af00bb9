import { type DetachedState, stateFromToken } from '../../lifecycle/detached-state.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { type SharedRecord, sharedIds } from '../../lifecycle/shared-record.ts';
import { ERROR, type PregelLoop } from './langgraph-loop.ts';

/** What a thread's checkpoints hold of ours, in their metadata: the token of the run that made them. */
const TOKEN = 'runledger';

/** The channels in which the engine keeps what became of a task. */
const INTERRUPT = '__interrupt__';
const RESUME = '__resume__';

/** From this on checkpoint ids count time: 15 October 1582, in milliseconds before the Unix epoch (RFC 9562). */
const GREGORIAN_MS = 12_219_292_800_000;

/** What goes into the metadata of a checkpoint; nothing where nobody records. */
export function metadataOf(execution: Execution): Readonly<Record<string, unknown>> {
  return execution.recordId === undefined ? {} : { [TOKEN]: execution.snapshot() };
}

/** Takes the run that made the checkpoint a loop begins with out of its metadata, which the application may see. */
export function takeRun(loop: PregelLoop): DetachedState | undefined {
  const metadata = loop.checkpointMetadata;
  if (metadata === undefined || !Object.hasOwn(metadata, TOKEN)) return undefined;
  const token = metadata[TOKEN];
  delete metadata[TOKEN];
  return stateFromToken(token);
}

/** Whether a task failed in the superstep the loop begins with. */
export function hasFailed({ checkpointPendingWrites = [] }: PregelLoop): boolean {
  return checkpointPendingWrites.some(([, channel]) => channel === ERROR);
}

/** The tasks that wait in the superstep the loop begins with, and how often each was resumed. */
export function waitingTasks({ checkpointPendingWrites = [] }: PregelLoop): ReadonlyMap<string, number> {
  const waiting = new Map<string, number>();
  for (const [taskId, channel] of checkpointPendingWrites) {
    if (channel === INTERRUPT) waiting.set(taskId, 0);
  }
  for (const [taskId, channel, value] of checkpointPendingWrites) {
    if (channel === RESUME && waiting.has(taskId))
      waiting.set(taskId, Array.isArray(value) ? value.length : 1);
  }
  return waiting;
}

/**
 * The record of a task, which every process works out for itself: a task has the same id wherever it is resumed.
 * `resumed` tells how often it was before this process, and since when it waits.
 */
export function recordOfTask(
  runId: string,
  taskId: string,
  checkpointId: string,
  resumed?: { readonly times: number; readonly since: number },
): SharedRecord {
  const startedAt = timeOf(checkpointId);
  const id = sharedIds(startedAt, `${runId} ${taskId}`).recordId;
  if (resumed === undefined) return { id, segment: 1 };
  return { id, segment: resumed.times + 2, startedAt, suspendedMs: Math.max(0, Date.now() - resumed.since) };
}

/** When a checkpoint was made: its id is a UUID of version 6. Zero where it is none. */
function timeOf(checkpointId: string): number {
  const hex = checkpointId.slice(0, 8) + checkpointId.slice(9, 13) + checkpointId.slice(15, 18);
  if (!/^[0-9a-f]{15}$/i.test(hex)) return 0;
  return Math.max(0, Number(BigInt(`0x${hex}`) / 10_000n) - GREGORIAN_MS);
}

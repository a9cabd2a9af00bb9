import diagnosticsChannel from 'node:diagnostics_channel';
import type { Attributes } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { ChannelExecutions } from './channel-executions.ts';
import { neverThrow } from './never-throw.ts';

/**
 * What a publisher says about an execution: metadata, never payloads. It publishes with `tracePromise`, `traceSync`
 * or `traceCallback` of `node:diagnostics_channel`, so it needs nothing of ours, and pays nothing while nobody
 * subscribes. `status` and `reason` may be set until the work settles; `error` and `result` are Node's.
 */
export interface PipelineMessage {
  readonly name: string;
  /** What publishes: `listr2`, `my-scheduler`. */
  readonly engine?: string | undefined;
  /** Id of the execution, by which others name it as their parent, or go on with it once it was suspended. */
  readonly id?: string | undefined;
  readonly runId?: string | undefined;
  /** Needed only where the parent's code is not what publishes the child. */
  readonly parentId?: string | undefined;
  /**
   * An object of the publisher's own that is to reach another process with the work: at the start the execution is
   * written into it, as W3C `traceparent` and `baggage`.
   */
  readonly carrier?: Record<string, string> | undefined;
  /** The `carrier` of the parent, as it reached this process. */
  readonly parentCarrier?: Readonly<Record<string, string>> | undefined;
  /** @default 1 */
  readonly attempt?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly correlationId?: string | undefined;
  readonly tenant?: string | undefined;
  /** W3C `traceparent`s of what it continues or was triggered by. */
  readonly links?: readonly string[] | undefined;
  readonly attributes?: Attributes | undefined;
  /** What it came to, where it neither succeeded nor failed. */
  status?: 'skipped' | 'suspended' | 'deferred' | 'rejected' | 'cancelled' | undefined;
  /** Why, in words; for `rejected` one of the typed reasons where one fits. */
  reason?: string | undefined;
  readonly error?: unknown;
  readonly result?: unknown;
}

/** A moment: something that has no duration. */
export interface PipelineEventMessage {
  /** `checkpoint`, `retry`, `interrupt`, `resume`, `heartbeat`, `rejected`, `skipped`; others are noted by name. */
  readonly type: string;
  /** Id of the execution it is about. @default the one whose code is running */
  readonly id?: string | undefined;
  readonly kind?: ExecutionKind | undefined;
  /** With `rejected` and `skipped`: what publishes. */
  readonly engine?: string | undefined;
  /** With `rejected` and `skipped`: name of the execution that therefore never starts. */
  readonly name?: string | undefined;
  /** Id of the checkpoint, of the interrupt, number of the attempt. */
  readonly ref?: string | number | undefined;
  readonly reason?: string | undefined;
}

/** The three tracing channels, one for each kind of execution, and the plain one for moments. */
export const PIPELINE_CHANNELS = {
  pipeline: 'pipeline.run',
  process: 'pipeline.process',
  step: 'pipeline.step',
  event: 'pipeline.event',
} as const;

const KINDS: readonly ExecutionKind[] = ['pipeline', 'process', 'step'];

let unsubscribeAll: (() => void) | undefined;
let subscribers = 0;

/**
 * Turns what is published on the pipeline channels into executions, until the returned function is called. There is
 * one subscription however often this is called, so no message counts twice. What is published wrongly is reported
 * through `diag` and ignored.
 */
export function subscribePipelineChannels(): () => void {
  unsubscribeAll ??= subscribe();
  subscribers++;
  let isSubscribed = true;
  return () => {
    if (!isSubscribed) return;
    isSubscribed = false;
    if (--subscribers > 0) return;
    unsubscribeAll?.();
    unsubscribeAll = undefined;
  };
}

function subscribe(): () => void {
  const executions = new ChannelExecutions();
  const undo: (() => void)[] = [];
  for (const kind of KINDS) {
    const channel = diagnosticsChannel.tracingChannel<unknown, PipelineMessage>(PIPELINE_CHANNELS[kind]);
    const handlers = {
      start: guarded((message: PipelineMessage) => executions.start(kind, message)),
      end: guarded((message: PipelineMessage) => executions.leave(message)),
      asyncStart: guarded((message: PipelineMessage) => executions.settle(message)),
      asyncEnd: ignore,
      error: ignore,
    };
    channel.subscribe(handlers);
    undo.push(() => channel.unsubscribe(handlers));
  }
  const onEvent = guarded((message: unknown) => executions.event(message as PipelineEventMessage));
  diagnosticsChannel.subscribe(PIPELINE_CHANNELS.event, onEvent);
  undo.push(() => diagnosticsChannel.unsubscribe(PIPELINE_CHANNELS.event, onEvent));
  return () => {
    for (const each of undo) each();
  };
}

/** An error thrown by a subscriber would end the process, so none leaves. */
function guarded<Message>(handle: (message: Message) => void): (message: Message) => void {
  return (message) => neverThrow('a message on a pipeline channel', () => handle(message));
}

function ignore(): void {}

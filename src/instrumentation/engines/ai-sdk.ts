import { neverThrow } from '../../lifecycle/never-throw.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import { AiSdkCalls } from './ai-sdk-calls.ts';
import type { AiEvent, AiMessage } from './ai-sdk-message.ts';

/** The tracing channel of the AI SDK, which it exports the name of from 7 on. */
const CHANNEL = 'ai:telemetry';

/** Integrations the AI SDK tells what it does, as its `registerTelemetry` keeps them: shared by all copies of it. */
interface TelemetryRegistry {
  AI_SDK_TELEMETRY_INTEGRATIONS?: { readonly onStepEnd?: (event: AiEvent) => void }[] | undefined;
}

/**
 * The AI SDK: a call of `generateText` or `streamText`, an agent's too, is a pipeline, its steps are processes, and the
 * calls of models and tools in them are steps. Nothing of it is wrapped: it publishes on a tracing channel of
 * `node:diagnostics_channel`, and tells the integrations that are registered with it.
 */
export const adapter: EngineAdapter = {
  name: 'ai-sdk',
  recognises: (moduleExports) =>
    typeof exportOf(moduleExports, 'generateText') === 'function' &&
    typeof exportOf(moduleExports, 'streamText') === 'function',
  instrument(_, lifecycle) {
    const { channel, tracingChannel } = process.getBuiltinModule('node:diagnostics_channel');
    if (!claimPrototype(channel(`tracing:${CHANNEL}:start`))) return;
    const calls = new AiSdkCalls(lifecycle);
    tracingChannel<unknown, AiMessage>(CHANNEL).subscribe({
      start: guarded((message) => calls.start(message)),
      end: guarded((message) => calls.leave(message)),
      asyncStart: () => undefined,
      asyncEnd: guarded((message) => calls.settle(message)),
      error: () => undefined,
    });
    const registry = globalThis as TelemetryRegistry;
    registry.AI_SDK_TELEMETRY_INTEGRATIONS ??= [];
    registry.AI_SDK_TELEMETRY_INTEGRATIONS.push({
      onStepEnd: (event) => neverThrow('a step of the AI SDK', () => calls.stepEnded(event)),
    });
  },
};

function guarded(handle: (message: AiMessage) => void): (message: AiMessage) => void {
  return (message) => neverThrow('a message of the AI SDK', () => handle(message));
}

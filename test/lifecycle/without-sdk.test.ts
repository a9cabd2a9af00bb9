import { afterEach, describe, expect, it } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import { attempts } from '../../src/lifecycle/attempts.ts';
import { currentExecution } from '../../src/lifecycle/current-execution.ts';
import { attachPipeline } from '../../src/lifecycle/detached-execution.ts';
import { PipelineHooks } from '../../src/lifecycle/hooks.ts';
import { extractExecution, injectExecution } from '../../src/lifecycle/propagation.ts';
import { runPipeline, startPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { runNode } from '../support/node-process.ts';
import { Telemetry } from '../support/telemetry.ts';

afterEach(() => context.disable());

describe('without an SDK', () => {
  it('everything runs, returns and throws as if it were not there', async () => {
    const error = new Error('boom');
    await expect(runPipeline('nightly', (run) => run.step('load', async () => 5))).resolves.toBe(5);
    expect(() =>
      runPipeline('nightly', () => {
        throw error;
      }),
    ).toThrow(error);

    const pipeline = startPipeline('nightly', { input: { day: 1 } });
    const step = pipeline.startStep('load');
    step.add({ rowsIn: 1 }).checkpoint('c');
    step.heartbeat();
    step.interrupt('ask');
    step.resume('ask');
    step.end();
    const attached = attachPipeline(pipeline.detach());
    attached.end();
    expect(attached.runId).toBe(pipeline.runId);
    expect([pipeline.recordId, pipeline.span.isRecording(), step.isEnded]).toEqual([undefined, false, true]);

    for await (const attempt of attempts({ maxAttempts: 2 })) {
      await attempt.try(() => {
        if (!attempt.final) throw error;
      });
    }
    const hooks = new PipelineHooks();
    hooks.onStepStart({ id: 's', name: 'load' });
    hooks.onStepEnd({ id: 's' });
    expect(hooks.openExecutions).toBe(0);
  });

  it('the run id is one for the whole run all the same, and is handed over', () => {
    const carrier: Record<string, string> = {};
    runPipeline('nightly', (run) => {
      expect(run.step('load', (step) => step.runId)).toBe(run.runId);
      injectExecution(carrier, { execution: run });
      expect(carrier.baggage).toContain(run.runId);
      runPipeline('nightly', { parent: extractExecution(carrier) }, (next) =>
        expect(next.runId).toBe(run.runId),
      );
    });
    expect.assertions(3);
  });

  it('the current execution is known wherever there is a context manager', () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    runPipeline('nightly', (run) => expect(currentExecution()).toBe(run));
    expect(currentExecution()).toBeUndefined();
    expect.assertions(2);
  });

  it('a rejection nobody handles is reported once, and a handled one not at all', async () => {
    const { stdout } = await runNode('lifecycle/programs/unhandled-rejection.ts');
    expect(JSON.parse(stdout)).toEqual(['not handled']);
  });
});

describe('an SDK that misbehaves', () => {
  class Throwing implements SpanProcessor {
    onStart(_span: Span): void {
      throw new Error('hostile start');
    }

    onEnd(): void {
      throw new Error('hostile end');
    }

    async forceFlush(): Promise<void> {}
    async shutdown(): Promise<void> {}
  }

  it('does not reach the application', () => {
    const telemetry = new Telemetry({ processors: [new Throwing()] });
    expect(runPipeline('nightly', (run) => run.step('load', () => 'done'))).toBe('done');
    expect(trace.getActiveSpan()).toBeUndefined();
    telemetry.stop();
  });
});

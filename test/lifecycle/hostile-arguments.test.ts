import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { attachPipeline } from '../../src/lifecycle/detached-execution.ts';
import { PipelineHooks } from '../../src/lifecycle/hooks.ts';
import { extractExecution, injectExecution } from '../../src/lifecycle/propagation.ts';
import { definePipeline, runPipeline, startPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => telemetry.stop());

const refuse = () => {
  throw new Error('hostile');
};

/** What callers without types, or with data of others, may hand over. */
const VALUES: readonly (readonly [string, never])[] = [
  ['a symbol', Symbol('x')],
  ['null', null],
  ['undefined', undefined],
  ['a big integer', 5n],
  ['NaN', Number.NaN],
  ['a negative number', -1],
  ['a list', []],
  ['a function', () => 1],
  ['no date', new Date(Number.NaN)],
  ['a NUL byte', '\u0000'],
  ['half a character', '\ud800'],
  ['a megabyte', 'x'.repeat(2 ** 20)],
  ['a text that can not be made', { toString: refuse, toJSON: refuse }],
  ['a proxy that refuses', new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse })],
].map(([what, value]) => [what as string, value as never]);

const OPTIONS = [
  ...['runId', 'correlationId', 'tenant', 'attempt', 'maxAttempts', 'final', 'version', 'definitionHash'],
  ...[
    'source',
    'target',
    'workerId',
    'waitMs',
    'scheduledFor',
    'attributes',
    'links',
    'keep',
    'input',
    'parent',
  ],
];

describe.each(VALUES)('%s', (_, value) => {
  it('passes as any option of an execution without harm to the work', () => {
    for (const option of OPTIONS) {
      const options = { [option]: value };
      expect(runPipeline('p', options, (run) => run.step('s', options, () => 7))).toBe(7);
    }
    expect(runPipeline(value, () => 7)).toBe(7);
    expect(runPipeline('p', value, () => 7)).toBe(7);
    expect(definePipeline(value, { version: value }, () => 7)(value)).toBe(7);
  });

  it('passes as any option of an execution without harm to its span', () => {
    for (const option of OPTIONS) {
      const before = telemetry.spans.length;
      runPipeline('p', { [option]: value }, () => 7);
      runPipeline('p', { attributes: { [option]: value } }, () => 7);
      expect([option, telemetry.spans.length - before]).toEqual([option, 2]);
    }
  });

  it('passes as anything a handle is told', () => {
    const handle = startPipeline(value, { input: value });
    handle.add(value).add({ rowsIn: value, costUsd: value });
    handle.checkpoint(value);
    handle.mark(value);
    handle.retry(value);
    handle.interrupt(value, value);
    handle.resume(value);
    handle.startStep('rejected').reject(value);
    handle.startStep('rejected').reject({ reason: value, detail: value, limit: value, current: value });
    handle.startStep('skipped').skip(value);
    handle.startStep('ended').end(value, value);
    handle.startStep(value).fail(value);
    const attached = attachPipeline(handle.detach());
    expect([attached.runId, attached.kind]).toEqual([handle.runId, 'pipeline']);
    attached.end();
    attachPipeline(value).end();
    expect(telemetry.spans.length).toBeGreaterThanOrEqual(7);
  });

  it('passes as an event of a hook, and as a carrier', () => {
    const hooks = new PipelineHooks();
    for (const event of [
      value,
      { id: value },
      { id: value, name: value, parentId: value, error: value, reason: value },
    ]) {
      hooks.onPipelineStart(event as never);
      hooks.onStepStart(event as never);
      hooks.onSkip(event as never);
      hooks.onReject(event as never);
      hooks.onRetry(event as never);
      hooks.onCheckpoint(event as never);
      hooks.onInterrupt(event as never);
      hooks.onResume(event as never);
      hooks.onHeartbeat(event as never);
      hooks.onStepError(event as never);
      hooks.onStepEnd(event as never);
      hooks.onPipelineEnd(event as never);
    }
    injectExecution(value, { execution: value });
    injectExecution(value);
    expect(extractExecution(value)).toBeDefined();
  });
});

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { SpanRecorder } from '../recorder.mjs';

const require = createRequire(import.meta.url);
const { MockActivityEnvironment } = require('@temporalio/testing');
const { DefaultLogger, Runtime, Worker } = require('@temporalio/worker');
const {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
} = require('@temporalio/interceptors-opentelemetry/lib/worker');

const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
Runtime.install({ logger: new DefaultLogger('ERROR') });

/** A run id as a server makes it: a UUID of version 7, which starts with its time. */
const runIdOf = (isFailing) => {
  const time = Date.parse('2026-11-22T02:00:01Z').toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7b3a-9d4f-1c2b3a4d5e6${isFailing ? 'f' : '0'}`;
};
const WORKFLOW_ID = 'order-7';
const payload = (value) => ({
  metadata: { encoding: btoa('json/plain') },
  data: btoa(JSON.stringify(value)),
});

/** Two attempts of the activity, as a worker runs them. */
async function runActivity(isFailing) {
  for (const attempt of [1, 2]) {
    const environment = new MockActivityEnvironment(
      {
        activityId: '1',
        activityType: 'reserve',
        attempt,
        workflowExecution: { workflowId: WORKFLOW_ID, runId: runIdOf(isFailing) },
        inWorkflow: true,
      },
      {
        interceptors: [(ctx) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(ctx) })],
      },
    );
    await environment
      .run(async () => {
        if (isFailing || attempt === 1) throw new TypeError('stock is undefined');
      })
      .catch(() => undefined);
  }
}

const at = (second) => `2026-11-22T02:00:${String(second).padStart(2, '0')}Z`;
const taskQueue = { name: 'orders', kind: 'TASK_QUEUE_KIND_NORMAL' };

/** The history of a run whose activity succeeds or, at its last attempt, fails. */
function history(isFailing) {
  let eventId = 0;
  const event = (eventType, attributesName, attributes) => ({
    eventId: String(++eventId),
    eventTime: at(eventId),
    eventType: `EVENT_TYPE_${eventType}`,
    [`${attributesName}EventAttributes`]: attributes,
  });
  const failure = {
    message: 'Activity task failed',
    cause: { message: 'stock is undefined', applicationFailureInfo: { type: 'TypeError' } },
    activityFailureInfo: {
      scheduledEventId: '5',
      startedEventId: '6',
      activityType: { name: 'reserve' },
      activityId: '1',
    },
  };
  return {
    events: [
      event('WORKFLOW_EXECUTION_STARTED', 'workflowExecutionStarted', {
        workflowType: { name: 'fulfil' },
        taskQueue,
        input: { payloads: [payload({ order: 7 })] },
        workflowTaskTimeout: '10s',
        originalExecutionRunId: runIdOf(isFailing),
        firstExecutionRunId: runIdOf(isFailing),
        workflowId: WORKFLOW_ID,
        attempt: 1,
        header: {},
      }),
      event('WORKFLOW_TASK_SCHEDULED', 'workflowTaskScheduled', { taskQueue, attempt: 1 }),
      event('WORKFLOW_TASK_STARTED', 'workflowTaskStarted', { scheduledEventId: '2' }),
      event('WORKFLOW_TASK_COMPLETED', 'workflowTaskCompleted', {
        scheduledEventId: '2',
        startedEventId: '3',
      }),
      event('ACTIVITY_TASK_SCHEDULED', 'activityTaskScheduled', {
        activityId: '1',
        activityType: { name: 'reserve' },
        taskQueue,
        workflowTaskCompletedEventId: '4',
        startToCloseTimeout: '60s',
      }),
      event('ACTIVITY_TASK_STARTED', 'activityTaskStarted', { scheduledEventId: '5', attempt: 2 }),
      isFailing
        ? event('ACTIVITY_TASK_FAILED', 'activityTaskFailed', {
            scheduledEventId: '5',
            startedEventId: '6',
            failure: failure.cause,
            retryState: 'RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED',
          })
        : event('ACTIVITY_TASK_COMPLETED', 'activityTaskCompleted', {
            scheduledEventId: '5',
            startedEventId: '6',
          }),
      event('WORKFLOW_TASK_SCHEDULED', 'workflowTaskScheduled', { taskQueue, attempt: 1 }),
      event('WORKFLOW_TASK_STARTED', 'workflowTaskStarted', { scheduledEventId: '8' }),
      event('WORKFLOW_TASK_COMPLETED', 'workflowTaskCompleted', {
        scheduledEventId: '8',
        startedEventId: '9',
      }),
      isFailing
        ? event('WORKFLOW_EXECUTION_FAILED', 'workflowExecutionFailed', {
            failure,
            workflowTaskCompletedEventId: '10',
          })
        : event('WORKFLOW_EXECUTION_COMPLETED', 'workflowExecutionCompleted', {
            workflowTaskCompletedEventId: '10',
          }),
    ],
  };
}

const { export: sink } = makeWorkflowExporter(recorder, { attributes: {} });
const options = {
  workflowsPath: fileURLToPath(new URL('workflows.cjs', import.meta.url)),
  interceptors: { workflowModules: [fileURLToPath(new URL('interceptors.cjs', import.meta.url))] },
  // A worker exports what is new; in a replay everything is a repetition.
  sinks: { exporter: { export: { ...sink, callDuringReplay: true } } },
};
for (const isFailing of [false, true]) {
  await runActivity(isFailing);
  await Worker.runReplayHistory(options, history(isFailing), WORKFLOW_ID);
}
recorder.save(
  new URL('.', import.meta.url),
  'temporal',
  'activities recorded in a mock activity environment, workflows in replays of histories written by hand: no server',
  ['@temporalio/interceptors-opentelemetry', '@temporalio/worker', '@opentelemetry/sdk-trace-base'],
);
process.exit(0);

import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, SpanRule, SpanSegment } from '../span-rule.ts';

const runId = ({ attributes }: ForeignSpan) => attributes.run_id ?? attributes.runId;
const workflowId = ({ attributes }: ForeignSpan) => attributes.temporalWorkflowId ?? attributes.workflowId;

function named(prefix: string, rule: Omit<SpanRule, 'spanName' | 'executionName'>): SpanRule {
  return {
    spanName: new RegExp(`^${prefix}:`),
    executionName: ({ startName }) => startName.slice(prefix.length + 1),
    ...rule,
  };
}

/** Servers make run ids UUIDs of version 7, which start with their time in milliseconds; earlier ones did not. */
const UUID_7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-/;

function workflowOf(span: ForeignSpan): SpanSegment | undefined {
  const key = runId(span);
  const time = typeof key === 'string' ? UUID_7.exec(key) : null;
  if (typeof key !== 'string' || time === null) return undefined;
  return { key, startedAt: Number.parseInt(`${time[1]}${time[2]}`, 16), segment: 1 };
}

const WORKFLOW_SCOPE = '@temporalio/interceptor-workflow';

/**
 * `@temporalio/interceptors-opentelemetry`. Workflow code runs in an isolate with an SDK 1.x of its own: its spans are
 * handed to the span processor when they have ended, and never start. Activities may run in another process, so it is
 * the id of the workflow run that holds a run together.
 */
export const temporal: RuleGroup = {
  name: 'temporal',
  engine: 'temporal',
  keeps: /^(?:run_id|runId|temporal\w+Id|workflowId|taskQueue|namespace)$/,
  rules: [
    named('RunWorkflow', {
      scope: WORKFLOW_SCOPE,
      kind: 'pipeline',
      runId,
      correlationId: workflowId,
      attempt: 'attempt',
      segments: workflowOf,
    }),
    named('StartChildWorkflow', {
      scope: WORKFLOW_SCOPE,
      kind: 'process',
      runId,
      correlationId: workflowId,
      parent: workflowOf,
    }),
    named('RunActivity', {
      scope: '@temporalio/interceptor-activity',
      // The ids are set by the first line that runs in the span.
      isSetLater: true,
      kind: 'step',
      runId,
      correlationId: workflowId,
      parent: workflowOf,
      attemptKey: (span) => {
        const { temporalActivityId } = span.attributes;
        return temporalActivityId === undefined ? undefined : `${runId(span)} ${temporalActivityId}`;
      },
    }),
  ],
};

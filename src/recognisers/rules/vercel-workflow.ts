import type { AttributeValue } from '@opentelemetry/api';
import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, SpanEnding, SpanSegment } from '../span-rule.ts';

/** A run id is `wrun_` and a ULID, which starts with the time it was made at. */
const ULID_TIME = /_([0-9A-HJKMNP-TV-Z]{10})[0-9A-HJKMNP-TV-Z]{16}$/;
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * Vercel's Workflow SDK. A workflow has one span for each replay, perhaps in several processes: they are segments of one
 * execution, which its steps, each in a request of its own, name as their parent.
 */
export const vercelWorkflow: RuleGroup = {
  name: 'vercel-workflow',
  engine: 'workflow',
  keeps: /^(?:workflow\.(?:run\.id|name)|step\.id|deployment\.id)$/,
  rules: [
    {
      scope: 'workflow',
      spanName: /^WORKFLOW /,
      attribute: 'workflow.run.id',
      isSetLater: true,
      kind: 'pipeline',
      executionName: shortName('workflow.name'),
      runId: 'workflow.run.id',
      correlationId: 'workflow.run.id',
      segments: segmentOfRun,
      ending: workflowEnding,
    },
    {
      scope: 'workflow',
      spanName: /^STEP /,
      attribute: 'step.id',
      isSetLater: true,
      kind: 'step',
      executionName: shortName('step.name'),
      runId: 'workflow.run.id',
      correlationId: 'workflow.run.id',
      attempt: 'step.attempt',
      parent: segmentOfRun,
      ending: stepEnding,
    },
  ],
};

/** Names are `workflow//file//function`; what people call it is the function. */
function shortName(attribute: string): (span: ForeignSpan) => string | undefined {
  return ({ attributes }) => {
    const name = attributes[attribute];
    return typeof name === 'string' ? name.slice(name.lastIndexOf('//') + 1).replace(/^\//, '') : undefined;
  };
}

function segmentOfRun({ attributes, startedAt }: ForeignSpan): SpanSegment | undefined {
  const key = attributes['workflow.run.id'];
  const time = typeof key === 'string' ? ULID_TIME.exec(key)?.[1] : undefined;
  if (typeof key !== 'string' || time === undefined) return undefined;
  let madeAt = 0;
  for (const digit of time) madeAt = madeAt * 32 + CROCKFORD.indexOf(digit);
  // Replays of one run follow each other, wherever they are.
  return { key, startedAt: madeAt, segment: Math.max(1, Math.round(startedAt - madeAt)) };
}

function workflowEnding({ attributes, status }: ForeignSpan): SpanEnding {
  const errorType = textOf(attributes['workflow.error.name']);
  const errorMessage = textOf(attributes['workflow.error.message']);
  switch (attributes['workflow.run.status']) {
    case 'completed':
      return { outcome: 'success' };
    case 'failed':
      return { outcome: 'failure', errorType, errorMessage: errorMessage ?? status.message };
    case 'cancelled':
      return { outcome: 'cancellation' };
    default:
      return { outcome: 'suspended' };
  }
}

function stepEnding({ attributes, status }: ForeignSpan): SpanEnding | undefined {
  if (attributes['step.skipped'] === true) {
    return { outcome: 'skip', skipReason: textOf(attributes['step.skip_reason']) };
  }
  const errorMessage = textOf(attributes['step.error.message']);
  const errorType = textOf(attributes['step.error.name']);
  const willRetry = attributes['step.retry.will_retry'] === true;
  if (willRetry || attributes['step.status'] === 'failed') {
    return {
      outcome: 'failure',
      isFinal: !willRetry,
      errorType,
      errorMessage: errorMessage ?? status.message,
    };
  }
  return attributes['step.status'] === 'completed' ? { outcome: 'success', isFinal: true } : undefined;
}

function textOf(value: AttributeValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

import { ATTR_FINAL } from '../../semconv.ts';
import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, SpanEnding } from '../span-rule.ts';

const ATTR_OPERATION = 'bullmq.queue.operation';

/**
 * `bullmq-otel`, the telemetry of BullMQ 5 and 6. The name of its scope is the application's to choose, and every
 * attribute is set after the span has started. The status of a failed job's span stays unset: what counts is the event.
 */
export const bullmqOtel: RuleGroup = {
  name: 'bullmq-otel',
  engine: 'bullmq',
  keeps: /^bullmq\.(?:job\.(?:id|key)|worker\.(?:id|name)|queue\.name)$/,
  rules: [
    {
      attribute: ATTR_OPERATION,
      spanName: /^process /,
      isSetLater: true,
      kind: ({ attributes }) => (attributes[ATTR_OPERATION] === 'process' ? 'pipeline' : undefined),
      executionName: ({ attributes }) =>
        [attributes['bullmq.queue.name'], attributes['bullmq.job.name']].filter(Boolean).join('/'),
      id: 'bullmq.job.id',
      correlationId: 'bullmq.job.id',
      attempt: 'bullmq.job.attempts.made',
      ending,
    },
    {
      // What a worker does with a job that failed says whether there will be another attempt.
      attribute: ATTR_OPERATION,
      spanName: /^(?:retry|delay|fail) /,
      isSetLater: true,
      kind: 'part',
      attributes: ({ attributes }) => ({ [ATTR_FINAL]: attributes[ATTR_OPERATION] === 'fail' }),
    },
    { attribute: ATTR_OPERATION, kind: 'ignore' },
  ],
};

function ending({ events }: ForeignSpan): SpanEnding {
  const failed = events.findLast(({ name }) => name === 'job failed');
  if (failed !== undefined) {
    const reason = failed.attributes?.['bullmq.job.failed.reason'];
    return { outcome: 'failure', ...(typeof reason === 'string' && { errorMessage: reason }) };
  }
  if (events.some(({ name }) => name === 'job completed')) return { outcome: 'success', isFinal: true };
  // The worker could not say what became of the job: it lost the lock, or the connection.
  if (events.some(({ name }) => name === 'exception')) return { outcome: 'error' };
  return { outcome: 'skip', skipReason: 'put back: delayed, rate limited or waiting for children' };
}

import type { RuleGroup } from '../span-rule.ts';

/** `@appsignal/opentelemetry-instrumentation-bullmq`, which instruments BullMQ 2 to 5. */
export const appsignalBullmq: RuleGroup = {
  name: 'appsignal-bullmq',
  engine: 'bullmq',
  keeps: /^messaging\.(?:message\.id|client\.id|destination\.name)$/,
  rules: [
    {
      scope: '@appsignal/opentelemetry-instrumentation-bullmq',
      spanName: /^Worker\.run /,
      kind: 'pipeline',
      executionName: ({ attributes }) =>
        [attributes['messaging.destination.name'], attributes['messaging.bullmq.job.name']]
          .filter(Boolean)
          .join('/'),
      id: 'messaging.message.id',
      correlationId: 'messaging.message.id',
      attempt: ({ attributes }) => Number(attributes['messaging.bullmq.job.attempts'] ?? 0) + 1,
    },
  ],
};

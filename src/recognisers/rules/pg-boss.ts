import type { RuleGroup } from '../span-rule.ts';

/** The spans pg-boss makes itself, from 12.38 on. A batch of several jobs is one span, without their attempts. */
export const pgBoss: RuleGroup = {
  name: 'pg-boss',
  engine: 'pg-boss',
  keeps: /^(?:messaging\.(?:message\.id|destination\.name|batch\.message_count)|pgboss\.schema)$/,
  rules: [
    {
      scope: 'pg-boss',
      spanName: /^process /,
      attribute: 'messaging.operation.type',
      kind: ({ attributes }) =>
        attributes['messaging.operation.type'] === 'process' ? 'pipeline' : undefined,
      executionName: 'messaging.destination.name',
      id: 'messaging.message.id',
      correlationId: 'messaging.message.id',
      attempt: ({ attributes }) => {
        const retries = attributes['pgboss.job.retry_count'];
        return typeof retries === 'number' ? retries + 1 : undefined;
      },
    },
  ],
};

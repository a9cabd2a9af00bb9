import type { RuleGroup } from '../span-rule.ts';

/**
 * The AI SDK up to 6 with `experimental_telemetry`, and later ones with its legacy telemetry. Prompts and answers are left
 * out of the record.
 */
export const aiSdk: RuleGroup = {
  name: 'ai-sdk',
  engine: 'ai-sdk',
  keeps:
    /^ai\.(?:model\.(?:id|provider)|operationId|response\.(?:id|model|finishReason)|settings\.maxRetries|telemetry\.functionId|toolCall\.(?:id|name))$/,
  rules: [
    {
      scope: 'ai',
      spanName: 'ai.toolCall',
      kind: 'step',
      executionName: 'ai.toolCall.name',
      id: 'ai.toolCall.id',
    },
    { scope: 'ai', spanName: /^ai\.\w+\.do\w+$/, kind: 'step' },
    {
      scope: 'ai',
      spanName: /^ai\.(?:generate|stream|embed|rerank)\w*$/,
      kind: 'pipeline',
      executionName: 'ai.telemetry.functionId',
    },
  ],
};

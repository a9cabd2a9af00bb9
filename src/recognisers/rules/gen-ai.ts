import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, RuleKind } from '../span-rule.ts';

const ATTR_OPERATION = 'gen_ai.operation.name';

/** Scopes of the client of OpenAI's models: what the OpenAI Agents SDK calls them with, and the AI SDK does not. */
const OPENAI_CLIENT = /\/instrumentation-openai$/;

/** What each operation is; any other is none. */
const KINDS: Readonly<Record<string, RuleKind>> = {
  invoke_workflow: 'pipeline',
  invoke_agent: 'auto',
  agent_step: 'process',
  execute_tool: 'step',
  chat: 'step',
  generate_content: 'step',
  text_completion: 'step',
  embeddings: 'step',
};

/**
 * The semantic conventions of generative AI (in development), as the AI SDK follows them with `@ai-sdk/otel`, and
 * instrumentations of model clients do. Prompts and answers are left out of the record.
 */
export const genAi: RuleGroup = {
  name: 'gen-ai',
  engine: (scope) => (OPENAI_CLIENT.test(scope) ? 'openai-agents' : 'ai-sdk'),
  keeps:
    /^gen_ai\.(?:operation\.name|provider\.name|(?:request|response)\.model|response\.(?:id|finish_reasons)|agent\.(?:id|name)|tool\.(?:name|call\.id)|conversation\.id)$/,
  rules: [
    {
      attribute: ATTR_OPERATION,
      kind: ({ attributes }) => {
        const operation = attributes[ATTR_OPERATION];
        return typeof operation === 'string' && Object.hasOwn(KINDS, operation)
          ? KINDS[operation]
          : undefined;
      },
      executionName,
      id: 'gen_ai.tool.call.id',
      correlationId: 'gen_ai.conversation.id',
    },
  ],
};

function executionName({ attributes, startName }: ForeignSpan): string {
  switch (attributes[ATTR_OPERATION]) {
    case 'invoke_agent':
      return textOf(attributes['gen_ai.agent.name']) ?? startName;
    case 'invoke_workflow':
      return textOf(attributes['gen_ai.workflow.name']) ?? startName;
    case 'execute_tool':
      return textOf(attributes['gen_ai.tool.name']) ?? startName;
    default:
      return startName;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

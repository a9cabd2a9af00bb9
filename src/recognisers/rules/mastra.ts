import { ERROR_TYPE_OTHER } from '../../semconv.ts';
import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, SpanEnding, SpanRule } from '../span-rule.ts';

/** What stands in quotes in the name a span starts with: at its end a step is named after its workflow. */
const QUOTED = /'(.+)'/;
const quoted = ({ startName }: ForeignSpan) => QUOTED.exec(startName)?.[1];

function named(spanName: RegExp, kind: SpanRule['kind']): SpanRule {
  return {
    scope: '@mastra/otel-bridge',
    spanName,
    kind,
    executionName: quoted,
    runId: 'mastra.metadata.runId',
    ending,
  };
}

/** `@mastra/otel-bridge`. Its attributes are set at the end; retries of a step are one span. */
export const mastra: RuleGroup = {
  name: 'mastra',
  engine: 'mastra',
  keeps:
    /^(?:mastra\.(?:span\.type|metadata\.\w+)|gen_ai\.(?:operation\.name|request\.model|provider\.name))$/,
  rules: [
    named(/^workflow run: '/, 'pipeline'),
    named(/^workflow step: '/, 'step'),
    named(/^agent run: '/, 'auto'),
    named(/^(?:\w+_)?tool: '/, 'step'),
    named(/^llm: '/, 'part'),
    { scope: '@mastra/otel-bridge', spanName: /^/, kind: 'ignore' },
  ],
};

function ending({ attributes }: ForeignSpan): SpanEnding | undefined {
  return attributes['error.type'] === 'unknown' ? { errorType: ERROR_TYPE_OTHER } : undefined;
}

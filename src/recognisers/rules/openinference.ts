import type { AttributeValue } from '@opentelemetry/api';
import { ATTR_TOKENS_IN, ATTR_TOKENS_OUT } from '../../semconv.ts';
import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, RuleKind, SpanEnding, SpanRule } from '../span-rule.ts';

/** What a node throws that waits for an answer. */
const INTERRUPT = 'GraphInterrupt';

/** The scope of the spans that are made of what the OpenAI Agents SDK tells its trace processors. */
const OPENAI_AGENTS = '@arizeai/openinference-instrumentation-openai-agents';

const ATTR_SPAN_KIND = 'openinference.span.kind';

/** What LangChain's callbacks said of a run, as far as it is read. */
interface Metadata {
  readonly langgraph_node?: string;
  readonly langgraph_checkpoint_ns?: string;
}

const RULE: Omit<SpanRule, 'scope' | 'attribute'> = {
  // Every attribute is set at the end; until then a span may be anything.
  isSetLater: true,
  kind: kindOf,
  correlationId: 'session.id',
  attemptKey: (span) => {
    const { langgraph_node: node, langgraph_checkpoint_ns: task } = metadataOf(span);
    // A node that is resumed is no new attempt.
    return node === span.startName && thrownBy(span)?.type !== INTERRUPT ? task : undefined;
  },
  attributes: ({ attributes }) => ({
    [ATTR_TOKENS_IN]: attributes['llm.token_count.prompt'],
    [ATTR_TOKENS_OUT]: attributes['llm.token_count.completion'],
  }),
  ending,
};

/**
 * OpenInference (Arize Phoenix): LangChain, LangGraph and others. A graph is a pipeline and its nodes are steps; what a
 * model used counts for the execution it was called in. Switched off by our own instrumentation of LangGraph, and of the OpenAI
 * Agents SDK.
 */
export const openinference: RuleGroup = {
  name: 'openinference',
  engine: (scope) => (scope === OPENAI_AGENTS ? 'openai-agents' : 'langgraph'),
  keeps: /^(?:openinference\.span\.kind|session\.id|tool\.name|llm\.model_name)$/,
  rules: [
    { scope: /^@arizeai\/openinference-/, ...RULE },
    { attribute: ATTR_SPAN_KIND, ...RULE },
  ],
};

function kindOf(span: ForeignSpan): RuleKind | undefined {
  if (!span.hasEnded) return 'auto';
  const { langgraph_node: node } = metadataOf(span);
  switch (span.attributes[ATTR_SPAN_KIND]) {
    case 'CHAIN':
      if (node === undefined) return 'auto';
      return node === span.startName && node !== '__start__' ? 'step' : 'ignore';
    case 'AGENT':
      return 'auto';
    case 'TOOL':
      return 'step';
    case 'LLM':
    case 'EMBEDDING':
      return 'part';
    default:
      return 'ignore';
  }
}

function ending(span: ForeignSpan): SpanEnding | undefined {
  const thrown = thrownBy(span);
  if (thrown === undefined) return undefined;
  if (thrown.type === INTERRUPT) return { outcome: 'suspended' };
  return { errorType: thrown.type, errorMessage: thrown.message, errorStack: thrown.stack };
}

/** An exception's message holds all there is: the message, an empty line, then the stack with type and message again. */
function thrownBy({ events }: ForeignSpan) {
  const text = events.findLast(({ name }) => name === 'exception')?.attributes?.['exception.message'];
  if (typeof text !== 'string') return undefined;
  const at = text.lastIndexOf('\n\n');
  const stack = at === -1 ? undefined : text.slice(at + 2);
  const type = /^(\w+)(?::|\n|$)/.exec(stack ?? '')?.[1];
  if (type === undefined) return undefined;
  return { type, message: text.slice(0, at), stack };
}

function metadataOf({ attributes: { metadata } }: ForeignSpan): Metadata {
  const parsed = jsonOf(metadata);
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

function jsonOf(text: AttributeValue | undefined): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

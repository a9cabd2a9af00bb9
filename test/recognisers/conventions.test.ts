import { describe, expect, it } from '@jest/globals';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { ExecutionSpanProcessorOptions } from '../../src/processor/execution-span-processor-options.ts';
import { treeOf } from '../support/record-tree.ts';
import { TracedLedger } from '../support/traced-executions.ts';

// Spans written after the text of a convention, or after a library's source: there is no program to record.

class Telling {
  readonly ledger: TracedLedger;
  readonly #scope: string;

  constructor(scope: string, options: Partial<ExecutionSpanProcessorOptions> = {}) {
    this.ledger = new TracedLedger(options);
    this.#scope = scope;
  }

  start(name: string, attributes: Attributes = {}, parent: Context = ROOT_CONTEXT): [Span, Context] {
    const span = this.ledger.provider.getTracer(this.#scope).startSpan(name, { attributes }, parent);
    return [span, trace.setSpan(parent, span)];
  }

  get tree(): readonly string[] {
    return treeOf(this.ledger.records);
  }
}

describe('the CI/CD conventions', () => {
  it('have runs with tasks, whose results are outcomes', () => {
    const ci = new Telling('some-ci');
    const run = { 'cicd.pipeline.name': 'release', 'cicd.pipeline.run.id': '4711' };
    const task = (name: string) => ({
      'cicd.pipeline.task.name': name,
      'cicd.pipeline.task.run.id': `${name}-1`,
    });
    const [pipeline, inPipeline] = ci.start('RUN release', run);
    const results = { build: 'success', test: 'timeout', deploy: 'skip' };
    for (const [name, result] of Object.entries(results)) {
      const [span] = ci.start(name, { ...task(name), 'vcs.ref.head.name': 'main' }, inPipeline);
      span.setAttribute('cicd.pipeline.task.run.result', result).end();
    }
    pipeline.setAttribute('cicd.pipeline.result', 'failure').end();
    expect(ci.tree).toEqual([
      'pipeline release failure _OTHER <- test',
      '  step build success',
      '  step test timeout _OTHER',
      '  step deploy skip',
    ]);
    expect(new Set(ci.ledger.records.map(({ runId }) => runId))).toEqual(new Set(['4711']));
    expect(ci.ledger.recordOf('build').attributes).toContain('"vcs.ref.head.name":"main"');
  });
});

describe('the conventions for generative AI', () => {
  it('have agents, workflows, tools and model calls, and nothing else that is an execution', () => {
    const ai = new Telling('some-agents');
    const operation = (name: string, more: Attributes = {}) => ({ 'gen_ai.operation.name': name, ...more });
    const [flow, inFlow] = ai.start(
      'invoke_workflow triage',
      operation('invoke_workflow', { 'gen_ai.workflow.name': 'triage' }),
    );
    const [agent, inAgent] = ai.start(
      'invoke_agent clerk',
      operation('invoke_agent', { 'gen_ai.agent.name': 'clerk' }),
      inFlow,
    );
    const [chat] = ai.start('chat m-1', operation('chat'), inAgent);
    const [other] = ai.start('create_agent clerk', operation('create_agent'), inAgent);
    chat.setAttributes({ 'gen_ai.usage.input_tokens': 11, 'gen_ai.usage.output_tokens': 7 });
    for (const span of [chat, other, agent, flow]) span.end();
    expect(ai.tree).toEqual([
      'pipeline triage success',
      '  process clerk success',
      '    step chat m-1 success',
    ]);
    expect(ai.ledger.recordOf('triage')).toMatchObject({ tokensIn: 11, tokensOut: 7 });
  });
});

describe('OpenInference', () => {
  it('counts what a model used for the node and the graph that called it', () => {
    const graph = new Telling('@arizeai/openinference-instrumentation-langchain');
    const [root, inRoot] = graph.start('helpdesk');
    const [node, inNode] = graph.start('plan', {}, inRoot);
    const [first] = graph.start('ChatModel', {}, inNode);
    const [second] = graph.start('ChatModel', {}, inNode);
    const used = { 'llm.token_count.prompt': 11, 'llm.token_count.completion': 7 };
    for (const call of [first, second])
      call.setAttributes({ 'openinference.span.kind': 'LLM', ...used }).end();
    node.setAttributes({ 'openinference.span.kind': 'CHAIN', metadata: '{"langgraph_node":"plan"}' }).end();
    root.setAttributes({ 'openinference.span.kind': 'CHAIN', metadata: 'no JSON' }).end();
    expect(graph.tree).toEqual(['pipeline helpdesk success', '  step plan success']);
    expect(graph.ledger.records.map(({ tokensIn, tokensOut }) => [tokensIn, tokensOut])).toEqual([
      [22, 14],
      [22, 14],
    ]);
  });
});

describe('spans of what an engine is known to do', () => {
  const chat = { 'gen_ai.operation.name': 'chat' };
  const agent = { 'openinference.span.kind': 'AGENT' };
  it.each([
    ['openai-agents', '@opentelemetry/instrumentation-openai', chat],
    ['openai-agents', '@arizeai/openinference-instrumentation-openai-agents', agent],
    ['langgraph', '@arizeai/openinference-instrumentation-langchain', agent],
    ['ai-sdk', 'gen_ai', chat],
  ])('are left to %s, and those of %s to nobody else', (engine, scope, attributes) => {
    const treeWith = (instrumented: string) => {
      const telling = new Telling(scope, { isInstrumented: (each) => each === instrumented });
      telling.start('work')[0].setAttributes(attributes).end();
      return telling.tree;
    };
    expect(treeWith(engine)).toEqual([]);
    const others = ['langgraph', 'ai-sdk', 'openai-agents'].filter((each) => each !== engine);
    expect(others.map(treeWith)).toEqual(others.map(() => [expect.stringContaining('work success')]));
  });
});

describe('libraries whose spans say nothing of runs', () => {
  it.each(['inngest', '@traceloop/instrumentation-langchain'])('are ignored: %s', (scope) => {
    const ignored = new Telling(scope);
    const [span, inSpan] = ignored.start('run', { 'gen_ai.operation.name': 'invoke_agent' });
    const [own] = ignored.start('chat', { 'gen_ai.operation.name': 'chat' }, inSpan);
    own.end();
    span.setStatus({ code: SpanStatusCode.ERROR }).end();
    expect(ignored.tree).toEqual([]);
  });

  it('are recorded by the conventions they follow, where they are not to be ignored', () => {
    const options = { recognise: { rules: { traceloop: false } } };
    const told = new Telling('@traceloop/instrumentation-langchain', options);
    told.start('chat m-1', { 'gen_ai.operation.name': 'chat' })[0].end();
    expect(told.tree).toEqual(['step chat m-1 success']);
  });
});

describe('a keep policy', () => {
  it('decides for a recognised run as a whole, by the id its library gives it', () => {
    const mastra = new Telling('@mastra/otel-bridge', {
      keep: { rate: 0.5, rng: () => 1 },
    });
    const [run, inRun] = mastra.start("workflow run: 'etl'");
    const [step] = mastra.start("workflow step: 'load'", {}, inRun);
    step.setAttribute('mastra.metadata.runId', 'run-7').end();
    run.setAttribute('mastra.metadata.runId', 'run-7').end();
    expect(mastra.ledger.records.map(({ name, keepReason, runId }) => [name, keepReason, runId])).toEqual([
      ['etl', 'run', 'run-7'],
    ]);
    expect(mastra.ledger.exporter.accounts().sampledOut).toBe(1);
  });
});

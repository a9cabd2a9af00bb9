// An application that knows nothing of executions: an agent whose library follows the conventions of generative AI, and
// reports exceptions as log records.
import { logs, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('agents');
const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'clerk' };
const tool = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'look_up' };
tracer.startActiveSpan('invoke_agent clerk', { attributes: agent }, (run) => {
  tracer.startActiveSpan('execute_tool look_up', { attributes: tool }, (step) => {
    logs.getLogger('agents').emit({ exception: new TypeError('customer is undefined') });
    step.setStatus({ code: SpanStatusCode.ERROR }).end();
  });
  run.setStatus({ code: SpanStatusCode.ERROR }).end();
});

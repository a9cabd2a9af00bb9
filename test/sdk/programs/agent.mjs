// A program that knows nothing of executions: an agent whose spans follow the conventions of generative AI. `open` leaves
// the agent running when the program ends, `exit` ends it with an exit code besides.
import { context, trace } from '@opentelemetry/api';

const mode = process.argv[2];
const tracer = trace.getTracer('agents');
const agent = tracer.startSpan('invoke_agent clerk', {
  attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'clerk' },
});
const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'look_up' };
tracer.startSpan('execute_tool look_up', { attributes }, trace.setSpan(context.active(), agent)).end();
if (mode === undefined) agent.end();
if (mode === 'exit') process.exit(3);

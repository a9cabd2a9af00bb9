// The program of the conformance kit, beside an instrumentation that makes spans of agents and tools.
import { OpenAIAgentsInstrumentation } from '@arizeai/openinference-instrumentation-openai-agents';
import * as agents from '@openai/agents-core';
import { trace } from '@opentelemetry/api';

const instrumentation = new OpenAIAgentsInstrumentation({ tracerProvider: trace.getTracerProvider() });
instrumentation.manuallyInstrument(agents, { exclusiveProcessor: false });
await import('./conformance.mjs');

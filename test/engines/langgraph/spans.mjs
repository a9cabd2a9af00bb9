// The program of the conformance kit, beside an instrumentation that makes spans of graphs and nodes.
import { LangChainInstrumentation } from '@arizeai/openinference-instrumentation-langchain';
import * as callbacks from '@langchain/core/callbacks/manager';
import { trace } from '@opentelemetry/api';

const instrumentation = new LangChainInstrumentation();
instrumentation.setTracerProvider(trace.getTracerProvider());
instrumentation.manuallyInstrument(callbacks);
await import('./conformance.mjs');

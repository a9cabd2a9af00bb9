// A tracer provider that is no SDK's, set before Runledger is registered.
import { ProxyTracerProvider, trace } from '@opentelemetry/api';

const noop = new ProxyTracerProvider();
trace.setGlobalTracerProvider({ getTracer: (...parameters) => noop.getTracer(...parameters) });

// Another vendor's instrumentation, made as those of OpenTelemetry are. VENDOR says of what: of methods of a package,
// `<package> <Class>.<method> …`, each call of which gets a span, or of what a tracing channel is told, `channel <name>`.
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { trace } from '@opentelemetry/api';

// In the copy that the SDK has: an engine may bring another one.
const requireOfSdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const { InstrumentationBase, InstrumentationNodeModuleDefinition } = requireOfSdk(
  '@opentelemetry/instrumentation',
);

const [about, ...names] = process.env.VENDOR.split(' ');
// Looked up at each use: whoever is loaded first comes before the SDK.
const tracer = () => trace.getTracer('vendor');
const wrappers = new WeakSet();

function wrap(prototype, method) {
  const original = prototype[method];
  if (wrappers.has(original)) return;
  const wrapper = function (...args) {
    return tracer().startActiveSpan(`vendor ${method}`, (span) => {
      try {
        const result = original.apply(this, args);
        const end = () => span.end();
        if (result instanceof Promise) result.then(end, end);
        else end();
        return result;
      } catch (error) {
        span.end();
        throw error;
      }
    });
  };
  wrappers.add(wrapper);
  prototype[method] = wrapper;
}

/** A method may be one of the class its class extends. */
function ownerOf(prototype, method) {
  return Object.hasOwn(prototype, method) ? prototype : ownerOf(Object.getPrototypeOf(prototype), method);
}

class VendorInstrumentation extends InstrumentationBase {
  constructor() {
    super('vendor', '1.0.0', {});
  }

  init() {
    const patch = (moduleExports) => {
      for (const name of names) {
        const [Class, method] = name.split('.');
        const exported = moduleExports[Class] ?? moduleExports.default?.[Class];
        wrap(ownerOf(exported.prototype, method), method);
      }
      return moduleExports;
    };
    return new InstrumentationNodeModuleDefinition(about, ['*'], patch);
  }
}

if (about === 'channel') {
  const spans = new WeakMap();
  const channel = tracingChannel(names[0]);
  channel.start.bindStore(new AsyncLocalStorage(), (message) => ({ message }));
  channel.subscribe({
    start: (message) => spans.set(message, tracer().startSpan(`vendor ${message.type}`)),
    asyncEnd: (message) => spans.get(message)?.end(),
  });
} else new VendorInstrumentation();

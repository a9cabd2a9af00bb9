// Another vendor's instrumentation of an engine, made as those of OpenTelemetry are, with a span around each call of what
// it wraps. The environment says of which package (OTHER_VENDOR_OF), what (OTHER_VENDOR_WRAPS: `Worker.prototype.run, start`,
// or `channel <name>` for what a tracing channel is told), and whether what the engine is given to call gets spans too
// (OTHER_VENDOR_CALLBACKS). It notes in the file OTHER_VENDOR_FILE what was called.
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { trace } from '@opentelemetry/api';

const {
  OTHER_VENDOR_OF: engine,
  OTHER_VENDOR_WRAPS: wraps,
  OTHER_VENDOR_CALLBACKS: callbacks,
  OTHER_VENDOR_FILE: file,
} = process.env;

// In the copy that the SDK has: an engine may bring another one.
const requireOfSdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const { InstrumentationBase, InstrumentationNodeModuleDefinition, registerInstrumentations } = requireOfSdk(
  '@opentelemetry/instrumentation',
);

// Looked up at each use: whoever is loaded first comes before the SDK.
const tracer = () => trace.getTracer('other-vendor');
const note = (name) => appendFileSync(file, `${name}\n`);
const wrappers = new WeakSet();

function spanned(name, call) {
  if (wrappers.has(call)) return call;
  // Without a name, as most of them are: an engine may call a run as the function is called.
  return remembered(function (...args) {
    return tracer().startActiveSpan(name, (span) => {
      note(name);
      try {
        const given = callbacks === undefined ? args : args.map((arg) => withSpans(name, arg));
        const result = call.apply(this, given);
        const end = () => span.end();
        if (result instanceof Promise) result.then(end, end);
        else end();
        return result;
      } catch (error) {
        span.end();
        throw error;
      }
    });
  });
}

function remembered(wrapper) {
  wrappers.add(wrapper);
  return wrapper;
}

/** A function, or a table of functions, that an engine is given. */
function withSpans(name, given) {
  if (typeof given === 'function') return spanned(`${name} calls`, given);
  if (Object.getPrototypeOf(given ?? 0) !== Object.prototype) return given;
  const functions = Object.entries(given).filter(([, value]) => typeof value === 'function');
  if (functions.length === 0) return given;
  return {
    ...given,
    ...Object.fromEntries(functions.map(([key, value]) => [key, spanned(`${name} calls`, value)])),
  };
}

/** A method may be one of the class its class extends. */
function ownerOf(prototype, method) {
  return Object.hasOwn(prototype, method) ? prototype : ownerOf(Object.getPrototypeOf(prototype), method);
}

function wrapped(exports) {
  const replaced = {};
  for (const path of wraps.split(', ')) {
    const [first, prototype, method] = path.split('.');
    if (method !== undefined) {
      const holder = (exports[first] ?? exports.default?.[first])?.[prototype];
      const owner = holder === undefined ? undefined : ownerOf(holder, method);
      if (owner !== undefined) owner[method] = spanned(path, owner[method]);
      continue;
    }
    for (const each of new Set([exports, exports.default ?? exports])) {
      if (typeof each[first] !== 'function') continue;
      replaced[first] ??= spanned(path, each[first]);
      if (!types.isModuleNamespaceObject(each)) each[first] = replaced[first];
    }
  }
  return types.isModuleNamespaceObject(exports) ? { ...exports, ...replaced } : exports;
}

class OtherVendor extends InstrumentationBase {
  constructor() {
    super('other-vendor', '1.0.0', {});
  }

  init() {
    return new InstrumentationNodeModuleDefinition(engine, ['*'], wrapped);
  }
}

function watchChannel(name) {
  const spans = new WeakMap();
  const channel = tracingChannel(name);
  channel.start.bindStore(new AsyncLocalStorage(), (message) => ({ message }));
  channel.subscribe({
    start(message) {
      note(`channel ${name}`);
      spans.set(message, tracer().startSpan(`channel ${name} ${message.type}`));
    },
    asyncEnd: (message) => spans.get(message)?.end(),
  });
}

if (wraps.startsWith('channel ')) {
  watchChannel(wraps.slice('channel '.length));
} else {
  register(pathToFileURL(requireOfSdk.resolve('@opentelemetry/instrumentation/hook.mjs')).href);
  registerInstrumentations({ instrumentations: [new OtherVendor()] });
}

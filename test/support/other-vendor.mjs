// Another vendor's instrumentation of an engine, as they are written: with the hooks of @opentelemetry/instrumentation, a
// span around each call of what it wraps, and around what the engine is given to call. The environment says of which
// package (OTHER_VENDOR_OF) and what (OTHER_VENDOR_WRAPS: `Worker.prototype.processJob, run`); it notes in the file
// OTHER_VENDOR_FILE what was called.
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
import { types } from 'node:util';
import { trace } from '@opentelemetry/api';
import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
  registerInstrumentations,
} from '@opentelemetry/instrumentation';

const { OTHER_VENDOR_OF: engine, OTHER_VENDOR_WRAPS: wraps, OTHER_VENDOR_FILE: file } = process.env;

const spanned = (name, call) =>
  function (...args) {
    return trace.getTracer('other-vendor').startActiveSpan(name, (span) => {
      appendFileSync(file, `${name}\n`);
      try {
        const result = call.apply(
          this,
          args.map((arg) => withSpans(name, arg)),
        );
        if (result instanceof Promise)
          result.then(
            () => span.end(),
            () => span.end(),
          );
        else span.end();
        return result;
      } catch (error) {
        span.end();
        throw error;
      }
    });
  };

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

function wrapped(exports) {
  const replaced = {};
  for (const path of wraps.split(', ')) {
    const [first, prototype, method] = path.split('.');
    for (const each of new Set([exports, exports.default ?? exports])) {
      if (method !== undefined) {
        const holder = each[first]?.[prototype];
        if (holder !== undefined && each === exports) holder[method] = spanned(path, holder[method]);
      } else if (typeof each[first] === 'function') {
        replaced[first] ??= spanned(path, each[first]);
        if (!types.isModuleNamespaceObject(each)) each[first] = replaced[first];
      }
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

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
registerInstrumentations({ instrumentations: [new OtherVendor()] });

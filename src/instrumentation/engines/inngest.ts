import { neverThrow } from '../../lifecycle/never-throw.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import { type MiddlewareClass, middlewareClass } from './inngest-middleware.ts';

/** The part of a client that is read. */
interface InngestClient {
  readonly middleware?: unknown;
}

/** What a class of middleware is told when a client, or a function of one, takes it up. */
interface Registration {
  readonly client: InngestClient;
  readonly fn: object | null;
}

interface BaseMiddleware {
  readonly prototype: object;
  onRegister?(registration: Registration): void;
}

/**
 * Inngest: a run of a function is a pipeline, the steps it runs are steps. Everything is told by the public middleware,
 * which is added to every client: a client has middleware of its own, whose base class is told of it.
 */
export const adapter: EngineAdapter = {
  name: 'inngest',
  recognises: (moduleExports) => baseMiddlewareOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const base = baseMiddlewareOf(moduleExports);
    if (base === undefined || !claimPrototype(base.prototype)) return;
    const own = middlewareClass(lifecycle);
    const { onRegister } = base;
    base.onRegister = function (this: unknown, registration: Registration) {
      neverThrow('a client of inngest', () => addTo(registration, own));
      onRegister?.call(this as BaseMiddleware, registration);
    };
  },
};

/** Last, so that it is innermost: what the application's own middleware does is not part of a step. */
function addTo({ client, fn }: Registration, own: MiddlewareClass): void {
  const { middleware } = client;
  if (fn === null && Array.isArray(middleware) && !middleware.includes(own)) middleware.push(own);
}

function baseMiddlewareOf(moduleExports: unknown): BaseMiddleware | undefined {
  if (typeof exportOf(moduleExports, 'Inngest') !== 'function') return undefined;
  const middleware = exportOf(moduleExports, 'Middleware') as
    | { readonly BaseMiddleware?: unknown }
    | undefined;
  const base = middleware?.BaseMiddleware;
  return typeof base === 'function' ? (base as unknown as BaseMiddleware) : undefined;
}

import { type Context, context } from '@opentelemetry/api';

interface Storage {
  getStore(): unknown;
  enterWith(store: unknown): void;
}

/** What the context API and its manager have, beyond what every version of their types shows. */
interface ContextManagerInternals {
  readonly attach?: (context: Context) => { dispose(): void };
  readonly _asyncLocalStorage?: Storage;
}

/**
 * Makes a context active until the returned function is called in the same synchronous stretch of code; undefined
 * where no context manager can do that. For code that is told of a start and an end, and calls nothing in between:
 * `context.with` needs a function. Uses `attach` (API 1.10 with SDK 3.x) or else does the same on the manager's own
 * storage, which has the same name in SDK 2.x.
 */
export function activateContext(toActivate: Context): (() => void) | undefined {
  const manager = (
    context as unknown as { _getContextManager?: () => ContextManagerInternals }
  )._getContextManager?.();
  if (manager === undefined) return undefined;
  if (typeof manager.attach === 'function') {
    const token = manager.attach(toActivate);
    return () => token.dispose();
  }
  const storage = manager._asyncLocalStorage;
  if (typeof storage?.enterWith !== 'function') return undefined;
  const before = storage.getStore();
  storage.enterWith(toActivate);
  return () => storage.enterWith(before);
}

import type { Runledger } from './runledger.ts';

/** What every copy of this package in a process shares. */
interface ProcessLedger {
  current?: Runledger;
  /** Ends what `runledger/register` started. Set while that is in use. */
  standDown?: () => void;
  isRegistered?: true;
}

const KEY = Symbol.for('runledger.process');

const holder = globalThis as { [KEY]?: ProcessLedger };
holder[KEY] ??= {};
const shared = holder[KEY];

/**
 * The ledger of this process: the one made last, by `withRunledger`, `createRunledger` or `runledger/register`. It is
 * the way to `ready()` and `accounts()` for code that did not set up the SDK. Undefined where there is none.
 */
export function currentRunledger(): Runledger | undefined {
  return shared.current;
}

/** Makes the ledger of the process. The one made by `runledger/register` ends first: one process, one ledger. */
export function announceLedger(make: () => Runledger): Runledger {
  const { standDown } = shared;
  delete shared.standDown;
  standDown?.();
  shared.current = make();
  return shared.current;
}

/** Sees to it that `runledger/register` starts once in a process. True for the first who asks. */
export function claimRegistration(): boolean {
  if (shared.isRegistered === true) return false;
  shared.isRegistered = true;
  return true;
}

/** Says how to end what `runledger/register` started, should the application make a ledger of its own. */
export function onReplaced(standDown: () => void): void {
  shared.standDown = standDown;
}

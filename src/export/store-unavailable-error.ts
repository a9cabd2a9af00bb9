import type { StoreErrorClass } from './retry-policy.ts';

/** The store is to blame: what is not settled has to be sent again later. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly errorClass: StoreErrorClass;
  readonly code: string;
  /** Fewer records at once may get through: the write took too long, or the search for poison was cut short. */
  readonly fewerMayHelp: boolean;

  constructor(errorClass: StoreErrorClass, code: string, fewerMayHelp: boolean) {
    super(`${errorClass}: ${code}`);
    this.errorClass = errorClass;
    this.code = code;
    this.fewerMayHelp = fewerMayHelp;
  }
}

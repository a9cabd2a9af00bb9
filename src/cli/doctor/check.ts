/** One thing the doctor looked at. */
export interface Check {
  /** Stable name of the check, for scripts. */
  readonly name: string;
  /** `fail`: records are lost or wrong. `warn`: something is off, or may soon be. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it. On every warning and failure. */
  readonly fix?: string;
}

export function ok(name: string, message: string): Check {
  return { name, status: 'ok', message };
}

export function warn(name: string, message: string, fix: string): Check {
  return { name, status: 'warn', message, fix };
}

export function fail(name: string, message: string, fix: string): Check {
  return { name, status: 'fail', message, fix };
}

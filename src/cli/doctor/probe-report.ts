/** What the probe saw inside the application's process. */
export interface ProbeReport {
  /** Class of the registered tracer provider; `null` where there is none. */
  readonly provider: string | null;
  /** Whether a value in the context is still there after an `await`. */
  readonly contextSurvives: boolean;
  /** Whether the application made a ledger, by `withRunledger`, `createRunledger` or `runledger/register`. */
  readonly hasLedger: boolean;
  /** Where its records go, such as `sqlite .runledger/ledger.db`; `null` where nothing is known of it. */
  readonly store: string | null;
  /** Whether the probe's span was recorded by an SDK. */
  readonly isRecording: boolean;
  /** Whether the probe's span was sampled for trace exporters. */
  readonly isSampled: boolean;
  /** Whether the ledger saw the probe start. */
  readonly isSeen: boolean;
  /** Records the ledger made of the probe; `null` where the probe was not ended, since it would have been stored. */
  readonly records: number | null;
  /** Classes of the provider's span processors, as far as they can be seen. */
  readonly processors: readonly string[];
  /** Classes of the span exporters behind them. */
  readonly exporters: readonly string[];
  /** What is done about each engine; `null` where Runledger is not there to say. */
  readonly engines: readonly ProbeEngine[] | null;
}

/** Whether an engine is instrumented when it is loaded, and why not. */
export interface ProbeEngine {
  readonly name: string;
  readonly isHooked: boolean;
  readonly reason?: string;
}

/** What the probe saw inside the application's process. */
export interface ProbeReport {
  /** Class of the registered tracer provider; `null` where there is none. */
  readonly provider: string | null;
  /** Whether a value in the context is still there after an `await`. */
  readonly contextSurvives: boolean;
  /** Whether the probe's span was made by an SDK and takes attributes. */
  readonly isRecording: boolean;
  /** Whether the probe's span was sampled for trace exporters. */
  readonly isSampled: boolean;
  /** Whether a failure inside the probe was noticed by the recording half. */
  readonly isRecorded: boolean;
  /** Classes of the provider's span processors, as far as they can be seen. */
  readonly processors: readonly string[];
  /** Classes of the span exporters behind them. */
  readonly exporters: readonly string[];
}

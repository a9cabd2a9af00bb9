import type { ExecutionKind } from '../execution.ts';
import type { ExecutionFacts } from '../records/execution-facts.ts';
import type { RecordSource } from '../records/execution-record.ts';
import type { FailureLedger } from '../records/failure-ledger.ts';
import type { KeptRun } from './kept-runs.ts';
import type { Listed } from './running-list.ts';

/** An execution between its start and its end. */
export interface LiveExecution extends Listed<LiveExecution> {
  /** Replaced where a step turns out to be a process. */
  facts: ExecutionFacts;
  /** Forgotten at the end, or a chain of executions that each start after the one before would be kept whole. */
  parent: LiveExecution | undefined;
  /** When it started, on the counter of starts and ends. */
  readonly startOrder: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  readonly writer: RecordSource;
  /** What runs it, where that is not the application itself. */
  readonly engine: string | undefined;
  /** 1, or which stretch it is of an execution that was suspended. */
  segment: number;
  /** Whether the store was told that it runs. */
  isShown: boolean;
  /** Its failed children; made with the first one. */
  failures: FailureLedger | undefined;
  /** What the keep policy holds of its run; undefined where everything is kept. */
  run: KeptRun | undefined;
  hasEnded: boolean;
}

/** What is told about an execution that runs. */
export interface LiveExecutionView {
  readonly recordId: string;
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly pipeline: string | undefined;
  readonly runId: string;
  readonly attempt: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly state: 'running' | 'suspended';
}

/** Whether its record is stored whatever happens: the keep policy may let go of all but a run's own. */
export function isSureToBeKept({ run, facts }: LiveExecution): boolean {
  return run === undefined || facts.isRun;
}

/** What is told of it. */
export function viewOf({ facts }: LiveExecution, state: LiveExecutionView['state']): LiveExecutionView {
  const { recordId, kind, name, pipeline, runId, attempt, startedAt } = facts;
  return { recordId, kind, name, pipeline, runId, attempt, startedAt, state };
}

import type { Refusal } from '../export/quarantine-files.ts';
import { startedAtOfRecordId } from '../record-id.ts';
import {
  type ExecutionRecord,
  RECORD_SCHEMA_VERSION,
  type RecordSource,
} from '../records/execution-record.ts';
import type { Durability, RecordLoss } from '../store/record-store.ts';

/** What the first frame of a file says of all that follow. */
export interface SegmentHeader {
  readonly schema: number;
  readonly instanceId: string;
  readonly startedAt: number;
  readonly durability: Durability;
  /** When the file was opened. */
  readonly openedAt: number;
  /** Who wrote the records that do not say it themselves. */
  readonly writer: RecordSource;
  /** What an adopter that had to give files up knew of them. */
  readonly lastSeq?: number;
  readonly losses?: readonly RecordLoss[];
}

/** What a header says of the instance, for the records that follow. */
type RecordOrigin = Pick<SegmentHeader, 'instanceId' | 'writer'>;

/** What most records say. */
const USUAL = { attempt: 1, state: 'ended', recoveredFailures: 0, keepReason: 'all', sampleRate: 1 } as const;

type LeftOut = 'instanceId' | 'seq' | 'writer' | 'spanId' | 'startedAt' | keyof typeof USUAL;
/** What is said of a record. Null says that it has none, where others have one that follows. */
type RecordBody = Omit<ExecutionRecord, LeftOut | 'parentSpanId' | 'endedAt'> &
  Partial<Pick<ExecutionRecord, LeftOut>> & {
    readonly parentSpanId?: string | null;
    readonly endedAt?: number | null;
  };

/**
 * A record as JSON, without what follows from the rest of its frame, from the header of its file or from other fields, and
 * without what is as usual. That is a third of a short one, and a spool lasts so much longer while the store is away.
 */
export function recordBody(record: ExecutionRecord, origin: RecordOrigin): string {
  const { recordId, startedAt, endedAt = null, parentSpanId = null } = record;
  return JSON.stringify({
    ...record,
    instanceId: undefined,
    seq: undefined,
    writer: unless(origin.writer, record.writer),
    spanId: unless(spanIdIn(recordId), record.spanId),
    parentSpanId: unless(spanIdIn(record.parentRecordId) ?? null, parentSpanId),
    startedAt: unless(startedAtOfRecordId(recordId), startedAt),
    endedAt: unless(endOf(startedAt, record.durationMs) ?? null, endedAt),
    attempt: unless<number>(USUAL.attempt, record.attempt),
    state: unless<string>(USUAL.state, record.state),
    recoveredFailures: unless<number>(USUAL.recoveredFailures, record.recoveredFailures),
    keepReason: unless<string>(USUAL.keepReason, record.keepReason),
    sampleRate: unless<number>(USUAL.sampleRate, record.sampleRate),
  });
}

/** A value, undefined where it is what a reader takes it for anyway. */
function unless<T>(known: T | undefined, value: T): T | undefined {
  return value === known ? undefined : value;
}

/** A record's id ends with that of its span. */
function spanIdIn(recordId: string | undefined): string | undefined {
  return recordId?.slice(-16);
}

function endOf(startedAt: number, durationMs: number | undefined): number | undefined {
  return durationMs === undefined ? undefined : startedAt + durationMs;
}

/** A record without the fields that nobody counts, joins or sums by, where there is no room for them; it is marked. */
export function slimRecord(record: ExecutionRecord): ExecutionRecord {
  const { attributes, input, output, errorStack, ...slim } = record;
  const flags = record.flags ?? [];
  return flags.includes('truncated') ? slim : { ...slim, flags: [...flags, 'truncated'] };
}

/** The record of a frame's body and seq; undefined where it is none. */
export function recordFromBody(body: string, seq: number, origin: RecordOrigin): ExecutionRecord | undefined {
  const said = objectFrom(body) as RecordBody | undefined;
  if (typeof said?.recordId !== 'string') return undefined;
  const { recordId, startedAt = startedAtOfRecordId(recordId) ?? 0 } = said;
  const { parentSpanId = spanIdIn(said.parentRecordId), endedAt = endOf(startedAt, said.durationMs) } = said;
  return {
    ...USUAL,
    ...said,
    seq,
    instanceId: origin.instanceId,
    writer: said.writer ?? origin.writer,
    spanId: said.spanId ?? recordId.slice(-16),
    parentSpanId: parentSpanId ?? undefined,
    startedAt,
    endedAt: endedAt ?? undefined,
  };
}

export function headerFromBody(body: string): SegmentHeader | undefined {
  const header = objectFrom(body) as SegmentHeader | undefined;
  const isHeader = typeof header?.instanceId === 'string' && typeof header.writer === 'object';
  return isHeader ? header : undefined;
}

/** Whether records mean something that this version does not know. */
export function isFromNewerSchema({ schema }: SegmentHeader): boolean {
  return schema > RECORD_SCHEMA_VERSION;
}

export function lossFromBody(body: string): RecordLoss | undefined {
  const loss = objectFrom(body) as RecordLoss | undefined;
  return typeof loss?.lossNo === 'number' && typeof loss.reason === 'string' ? loss : undefined;
}

export function refusalFromBody(body: string): Refusal | undefined {
  const refusal = objectFrom(body) as Refusal | undefined;
  return typeof refusal?.record?.recordId === 'string' ? refusal : undefined;
}

function objectFrom(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

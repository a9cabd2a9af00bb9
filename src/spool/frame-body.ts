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

/** A record as JSON, without what the header of its file says already. */
export function recordBody(record: ExecutionRecord, origin: RecordOrigin): string {
  const isWriterKnown = record.writer === origin.writer;
  return JSON.stringify({
    ...record,
    instanceId: undefined,
    writer: isWriterKnown ? undefined : record.writer,
  });
}

/** A record without the fields that nobody counts, joins or sums by, where there is no room for them; it is marked. */
export function slimRecord(record: ExecutionRecord): ExecutionRecord {
  const { attributes, input, output, errorStack, ...slim } = record;
  const flags = record.flags ?? [];
  return flags.includes('truncated') ? slim : { ...slim, flags: [...flags, 'truncated'] };
}

/** The record of a body; undefined where it is none. */
export function recordFromBody(body: string, origin: RecordOrigin): ExecutionRecord | undefined {
  const record = objectFrom(body) as ExecutionRecord | undefined;
  if (typeof record?.recordId !== 'string') return undefined;
  return { ...record, instanceId: origin.instanceId, writer: record.writer ?? origin.writer };
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

function objectFrom(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

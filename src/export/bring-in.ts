import type { QuarantinedRecord, RecordLoss } from '../store/record-store.ts';
import { broughtIn, KEPT_IN_FILE, type NumberedRecord, singleLoss } from '../store/single-loss.ts';
import { classifyError, isStoreAway } from './error-classes.ts';
import type { QuarantineFiles, RefusalFile } from './quarantine-files.ts';

/** A store, as far as what is in quarantine goes. */
export interface QuarantineStore {
  quarantine(records: readonly QuarantinedRecord[]): Promise<void>;
  /** Has the ledger know where records are. */
  tell(losses: readonly RecordLoss[]): Promise<void>;
}

/** What came of it. */
export interface BroughtIn {
  readonly records: number;
  /** Files that stay. */
  readonly staying: number;
}

/** Records that are brought in together. */
const TOGETHER = 100;

/**
 * Brings records from files into the quarantine of their store, as far as it takes them, and tells the ledger of the others
 * where they are, but for those that it is `told` of. Resolves to undefined where somebody else is at it. Rejects as the store
 * does while it is away.
 */
export async function bringIn(
  files: QuarantineFiles,
  store: QuarantineStore,
  told: Set<string>,
): Promise<BroughtIn | undefined> {
  const staying: RefusalFile[] = [];
  let records = 0;
  const isDone = await files.alone(async (found) => {
    let takesOthers = true;
    // Begun anywhere: the first must not keep the others out for ever.
    const from = Math.floor(Math.random() * found.length);
    const ordered = [...found.slice(from), ...found.slice(0, from)];
    for (let at = 0; at < ordered.length; at += TOGETHER) {
      const group = ordered.slice(at, at + TOGETHER);
      const rest: Rest = takesOthers ? await bring(group, store) : { files: group, takesOthers };
      staying.push(...rest.files);
      takesOthers = rest.takesOthers;
    }
    records = found.length - staying.length;
    const untold = staying.filter((file) => !told.has(toldKey(file)));
    await tell(untold, (file) => singleLoss(file, KEPT_IN_FILE, Date.now()), store);
    told.clear();
    for (const file of staying) told.add(toldKey(file));
  });
  return isDone ? { records, staying: staying.length } : undefined;
}

/** What a set of those that the ledger is told of has of a record. */
export function toldKey({ instanceId, seq }: NumberedRecord): string {
  return `${instanceId} ${seq}`;
}

/** Files that stay, and whether the store might take others. */
interface Rest {
  readonly files: readonly RefusalFile[];
  readonly takesOthers: boolean;
}

async function bring(files: readonly RefusalFile[], store: QuarantineStore): Promise<Rest> {
  const read = await Promise.all(files.map(async (file) => ({ file, refusal: await file.read() })));
  const whole = read.flatMap(({ file, refusal }) => (refusal === undefined ? [] : { file, refusal }));
  const damaged = read.flatMap(({ file, refusal }) => (refusal === undefined ? file : []));
  const taken = whole.map(({ file }) => file);
  try {
    if (whole.length > 0) await store.quarantine(whole.map(({ refusal }) => refusal));
  } catch (error) {
    const { errorClass } = classifyError(error);
    if (isStoreAway(errorClass)) throw error;
    if (errorClass !== 'data') return { files, takesOthers: false };
    if (files.length === 1) return { files, takesOthers: true };
    const staying = damaged;
    for (const file of taken) staying.push(...(await bring([file], store)).files);
    // Where none of so many got through, the others are spared a try until the next time.
    return { files: staying, takesOthers: staying.length < files.length };
  }
  await tell(taken, (file) => broughtIn(file, Date.now()), store);
  // One that can not be removed is found again, and changes nothing then.
  for (const file of taken) await file.remove().catch(() => undefined);
  return { files: damaged, takesOthers: true };
}

/** What has no number the ledger does not miss. */
async function tell(
  files: readonly RefusalFile[],
  loss: (file: RefusalFile) => RecordLoss,
  store: QuarantineStore,
): Promise<void> {
  const losses = files.filter(({ seq }) => seq > 0).map(loss);
  if (losses.length > 0) await store.tell(losses);
}

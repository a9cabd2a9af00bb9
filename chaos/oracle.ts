import { type Ledger, type Row, recordsOf } from './ledgers/ledger.ts';
import { EXECUTIONS, fits, type Obligation, obligationOf, PAYLOAD } from './obligation.ts';

/** What the oracle found in a ledger. */
export interface Judgement {
  readonly acknowledged: number;
  readonly rows: number;
  /** Acknowledged, and without a row. */
  readonly lost: number;
  /** Rows beyond the first of an obligation, or with a number that another row of the instance has. */
  readonly duplicates: number;
  /** Rows of nobody's. */
  readonly spurious: number;
  /** Rows that say something else than their obligation. */
  readonly wrong: number;
  /** Rows of executions that were begun and not acknowledged: rightly there or not. */
  readonly unacknowledged: number;
  /** What the accounting of an instance does not explain. */
  readonly unaccounted: number;
  /** Instances that the ledger knows no end of. */
  readonly open: number;
  /** Acknowledged failures and run-level records among the {@link lost}: they are to be given up last. */
  readonly lostFirst: number;
  /** Faults in words, the first few of each kind. */
  readonly faults: readonly string[];
}

type RowCounts = Pick<Judgement, 'rows' | 'duplicates' | 'spurious' | 'wrong' | 'unacknowledged'>;

/** What one writer owes. */
interface Debtor {
  /** By number of the execution: acknowledged, or found in the ledger. */
  readonly marks: Uint8Array;
  highest: number;
}

const ACKNOWLEDGED = 1;
const FOUND = 2;
/** Found at an earlier look, and right: it may have been pruned since. */
const SEEN = 4;
const FAULTS_SHOWN = 3;

/**
 * Holds what the ledger owes, and judges the ledger by it. It lives in the process of the test, which no fault is
 * ever done to. Faults of a ledger that may lose or quarantine are judged by the scenario, by the counts.
 */
export class Oracle {
  readonly #debtors = new Map<string, Debtor>();
  #acknowledged = 0;
  #isLeftOut: (row: Row) => boolean = () => false;

  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** Announces a writer of so many runs. */
  expect(writer: string, runs: number): void {
    if (this.#debtors.has(writer)) throw new Error(`there are two writers ${writer}`);
    this.#debtors.set(writer, { marks: new Uint8Array(runs * EXECUTIONS), highest: -1 });
  }

  /** Leaves rows to the scenario to judge; they are accounted for all the same. */
  leaveOut(isLeftOut: (row: Row) => boolean): void {
    this.#isLeftOut = isLeftOut;
  }

  acknowledged(writer: string, number: number): void {
    const debtor = this.#debtors.get(writer);
    const mark = debtor?.marks[number];
    if (debtor === undefined || mark === undefined || (mark & ACKNOWLEDGED) !== 0) {
      throw new Error(`${writer} acknowledges ${number}, which it can not`);
    }
    debtor.marks[number] = mark | ACKNOWLEDGED;
    debtor.highest = Math.max(debtor.highest, number);
    this.#acknowledged++;
  }

  async judge(ledger: Ledger): Promise<Judgement> {
    const notes = new Notes();
    const counts = await this.#readRows(ledger, notes, true);
    const { lost, lostFirst } = this.#countLost(notes);
    const { unaccounted, repeated, open } = await judgeAccounting(ledger, notes);
    return {
      acknowledged: this.#acknowledged,
      ...counts,
      duplicates: counts.duplicates + repeated,
      lost,
      lostFirst,
      unaccounted,
      open,
      faults: notes.all,
    };
  }

  /**
   * Judges the rows that are there while writers work, and remembers those that are as they should be: once they are pruned they
   * do not count as lost. Resolves to what is wrong with them.
   */
  async look(ledger: Ledger): Promise<readonly string[]> {
    const notes = new Notes();
    await this.#readRows(ledger, notes, false);
    return notes.all;
  }

  async #readRows(ledger: Ledger, notes: Notes, isOver: boolean): Promise<RowCounts> {
    const counts = { rows: 0, duplicates: 0, spurious: 0, wrong: 0, unacknowledged: 0 };
    for (const { marks } of this.#debtors.values()) {
      for (let number = 0; number < marks.length; number++) marks[number] = (marks[number] ?? 0) & ~FOUND;
    }
    for await (const row of recordsOf(ledger)) {
      if (this.#isLeftOut(row)) continue;
      counts.rows++;
      const [writer = '', digits = ''] = String(row.correlation_id).split(':');
      const debtor = this.#debtors.get(writer);
      const number = Number(digits);
      // A writer has one run at work, of which nothing may be acknowledged yet.
      const begun = (Math.floor((debtor?.highest ?? 0) / EXECUTIONS) + 2) * EXECUTIONS;
      // While they write, a row may be there before its acknowledgement is heard, and its end after that.
      if (!isOver && debtor !== undefined && (number >= begun || row.state === 'running')) continue;
      if (debtor === undefined || !/^\d+$/.test(digits) || number >= begun) {
        counts.spurious++;
        notes.add('spurious', `${row.kind} ${row.name} (${row.correlation_id}) was never begun`);
        continue;
      }
      const mark = debtor.marks[number] ?? 0;
      if ((mark & FOUND) !== 0) {
        counts.duplicates++;
        notes.add('duplicate', `${row.correlation_id} has two rows`);
        continue;
      }
      debtor.marks[number] = mark | FOUND;
      const isOwed = (mark & ACKNOWLEDGED) !== 0;
      if (!isOwed) counts.unacknowledged++;
      const difference = differenceOf(row, obligationOf(writer, number), isOwed);
      if (difference === undefined) {
        if (isOwed && !isOver) debtor.marks[number] = mark | FOUND | SEEN;
        continue;
      }
      counts.wrong++;
      notes.add('wrong', `${row.correlation_id}: ${difference}`);
    }
    return counts;
  }

  #countLost(notes: Notes): { readonly lost: number; readonly lostFirst: number } {
    let lost = 0;
    let lostFirst = 0;
    for (const [writer, { marks }] of this.#debtors) {
      marks.forEach((mark, number) => {
        if (mark !== ACKNOWLEDGED) return;
        lost++;
        const { kind, outcome } = obligationOf(writer, number);
        if (kind !== 'step' || outcome === 'failure') lostFirst++;
        notes.add('lost', `${writer}:${number} was acknowledged and has no row`);
      });
    }
    return { lost, lostFirst };
  }
}

/** What of a row is not as it should be; undefined where all of it is. What was not acknowledged may have been interrupted. */
function differenceOf(row: Row, owed: Obligation, isOwed: boolean): string | undefined {
  const isInterrupted = row.error_type === 'interrupted' || row.state === 'running';
  if (row.kind !== owed.kind) return `its kind is ${row.kind}`;
  if (row.name !== owed.name) return `its name is ${row.name}`;
  if (!isOwed && isInterrupted) return undefined;
  if (row.state !== 'ended') return `its state is ${row.state}`;
  if (row.outcome !== owed.outcome) return `its outcome is ${row.outcome}, of type ${row.error_type}`;
  if ((row.error_message ?? undefined) !== owed.message) return `its error is ${String(row.error_message)}`;
  if ((row.failed_step ?? undefined) !== owed.failedStep)
    return `its failed step is ${String(row.failed_step)}`;
  if (Number(row.recovered_failures) !== owed.recoveredFailures) {
    return `it recovered ${String(row.recovered_failures)} failures`;
  }
  return payloadDifference(row, owed.payload);
}

function payloadDifference({ attributes, flags }: Row, owed: string): string | undefined {
  const stored = (JSON.parse(String(attributes)) as Record<string, unknown> | null)?.[PAYLOAD];
  if (fits(owed))
    return stored === owed ? undefined : `its payload is not the one of ${owed.length} characters`;
  if (!String(flags).split(',').includes('truncated'))
    return 'its payload was too long, and it is not marked';
  const head = typeof stored === 'string' ? stored.slice(0, -1) : '';
  return head.length > 0 && owed.startsWith(head)
    ? undefined
    : 'its cut payload is not the head of the whole';
}

/**
 * Every number an instance has given out is that of one row, or is told as lost or quarantined: the identity that
 * `runledger verify` states, by statements of our own. A store without instances is not asked.
 */
async function judgeAccounting(
  ledger: Ledger,
  notes: Notes,
): Promise<{ readonly unaccounted: number; readonly repeated: number; readonly open: number }> {
  const repeats = await ledger.query(
    `select instance_id, count(*) - count(distinct seq) as repeated from execution_records
     where seq > 0 group by instance_id having count(*) > count(distinct seq)`,
  );
  let repeated = 0;
  for (const row of repeats) {
    repeated += Number(row.repeated);
    notes.add(
      'repeated',
      `instance ${row.instance_id} has ${row.repeated} rows with a number that another has`,
    );
  }
  const instances = await ledger
    .query(
      `select i.instance_id, i.last_seq, i.ended_at, coalesce(i.pruned, 0) as pruned,
        (select count(*) from execution_records r where r.instance_id = i.instance_id and r.seq > 0) as stored,
        (select count(*) from record_quarantine q where q.instance_id = i.instance_id and q.seq > 0 and not exists (
          select 1 from execution_records e where e.record_id = q.record_id and e.rev >= q.rev)) as quarantined,
        (select coalesce(sum(l.records), 0) from record_losses l
          where l.instance_id = i.instance_id and l.last_seq > 0) as lost
       from ledger_instances i`,
    )
    .catch(() => []);
  let unaccounted = 0;
  let open = 0;
  for (const row of instances) {
    const known = Number(row.stored) + Number(row.quarantined) + Number(row.lost) + Number(row.pruned);
    const missing = Number(row.last_seq) - known;
    unaccounted += Math.abs(missing);
    if (missing !== 0)
      notes.add('unaccounted', `instance ${row.instance_id} misses ${missing} of ${row.last_seq}`);
    if (row.ended_at === null) open++;
  }
  return { unaccounted, repeated, open };
}

/** Sentences by what they are about, the first few of each. */
class Notes {
  readonly #counts = new Map<string, number>();
  readonly #sentences: string[] = [];

  add(topic: string, sentence: string): void {
    const count = (this.#counts.get(topic) ?? 0) + 1;
    this.#counts.set(topic, count);
    if (count <= FAULTS_SHOWN) this.#sentences.push(sentence);
  }

  get all(): readonly string[] {
    const more = [...this.#counts]
      .filter(([, count]) => count > FAULTS_SHOWN)
      .map(([topic, count]) => `${count} ${topic} in all`);
    return [...this.#sentences, ...more];
  }
}

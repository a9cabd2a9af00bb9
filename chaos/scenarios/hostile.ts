import { DIALECTS, type Ledger } from '../ledgers/ledger.ts';
import type { HostileReport } from '../programs/hostile.ts';
import type { Finding, Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { Trial } from '../trial.ts';

/** Columns that hold JSON, and the bytes that texts are documented to be cut at. */
const JSON_COLUMNS = [
  'attributes',
  'timeline',
  'error_chain',
  'failed_steps',
  'input',
  'output',
  'rejection_detail',
];
const MOST_BYTES: Readonly<Record<string, number>> = {
  name: 512,
  error: 1_024,
  error_type: 256,
  error_code: 256,
  error_message: 4_096,
  error_stack: 16_384,
  error_chain: 6_144,
  attributes: 32_768,
  input: 16_384,
  output: 16_384,
  tenant: 256,
};
const NUMBERS = ['duration_ms', 'wait_ms', 'work_units', 'rows_in', 'cost_usd_micros', 'attempt'];

/** Generated values in every place that takes one. Each execution is two rows: the run, and the step that throws. */
export const hostile: Scenario = {
  name: 'hostile',
  title: 'generated values, errors and attributes: none comes back, poisons a batch or changes a prototype',
  dialects: DIALECTS,
  async run(bench, dialect): Promise<Finding> {
    const values = dialect === 'sqlite' ? (bench.isFull ? 1_000_000 : 3_000) : bench.isFull ? 50_000 : 1_000;
    const seed = between(bench.random, 0, 1e6);
    const ledger = await bench.ledger(dialect);
    const trial = new Trial(bench, ledger);
    const faults: string[] = [];
    let rows = 0;
    try {
      const chunk = 25_000;
      for (let done = 0; done < values; done += chunk) {
        if (done > 0) await ledger.reset();
        const runs = Math.min(chunk, values - done);
        const batch = { shutdownTimeoutMillis: 120_000, exportTimeoutMillis: 120_000 };
        const env = { CHAOS_SEED: String(seed + done) };
        const host = trial.start({ runs, batch }, { program: 'hostile.ts', env });
        const report = (await host.report('closed')) as HostileReport;
        host.tell('close');
        const { exitCode, stderr } = await host.ended;
        if (exitCode !== 0 || stderr !== '')
          faults.push(`it ended with ${exitCode}: ${stderr.slice(0, 500)}`);
        faults.push(...report.thrown.map((text) => `it threw into the application: ${text}`));
        if (report.prototypesChanged.length > 0) faults.push('a prototype has changed');
        const { accounts } = report;
        if (accounts?.stored !== runs * 2) faults.push(`not all were stored: ${JSON.stringify(accounts)}`);
        const stored = await judge(ledger, faults);
        rows += stored;
        if (stored !== runs * 2) faults.push(`${stored} rows of ${runs * 2}`);
        bench.progress((done + runs) / values);
        if (faults.length > 0) break;
      }
      return { figures: { values, rows, seed }, faults: faults.slice(0, 12) };
    } finally {
      await trial.dispose();
    }
  },
};

/** Every text is well-formed, within its bound and without NUL, every JSON is JSON, every number is one. */
async function judge(ledger: Ledger, faults: string[]): Promise<number> {
  let after = '';
  let count = 0;
  for (;;) {
    const rows = await ledger.query(
      `select * from execution_records where record_id > '${after}' order by record_id limit 2000`,
    );
    for (const row of rows) {
      count++;
      const bad = badColumn(row);
      if (bad !== undefined && faults.length < 10) faults.push(`${row.correlation_id} ${row.kind}: ${bad}`);
    }
    if (rows.length < 2_000) return count;
    after = String(rows.at(-1)?.record_id);
  }
}

function badColumn(row: Readonly<Record<string, unknown>>): string | undefined {
  if (row.outcome === 'success') return 'it failed, and its outcome is success';
  for (const [column, value] of Object.entries(row)) {
    if (typeof value !== 'string') continue;
    if (value.includes('\0') || value !== value.toWellFormed())
      return `${column} holds what no store can keep`;
    const most = MOST_BYTES[column];
    if (most !== undefined && Buffer.byteLength(value) > most)
      return `${column} has ${Buffer.byteLength(value)} bytes`;
  }
  for (const column of JSON_COLUMNS) {
    const value = row[column];
    if (typeof value !== 'string') continue;
    try {
      JSON.parse(value);
    } catch {
      return `${column} is no JSON: ${value.slice(0, 100)}`;
    }
  }
  for (const column of NUMBERS) {
    const value = row[column];
    if (value !== null && !Number.isFinite(Number(value))) return `${column} is ${String(value)}`;
  }
  return undefined;
}

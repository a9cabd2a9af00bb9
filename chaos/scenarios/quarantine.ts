import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DIALECTS, type Dialect } from '../ledgers/ledger.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';
import { refusing } from './poison.ts';

/** Of the writer that is not killed. */
const RUNS = 100;
/** Acknowledgements a writer lives for at most, and how many a second: to find what is refused takes a while. */
const LIFE = 2_400;
const RATE = 1_000;

/**
 * The ledger refuses records, and refuses to quarantine them, while writers are killed: each such record is in a file, once.
 * When the ledger takes them, the command line brings them in, and nothing is lost.
 */
export const quarantineFiles: Scenario = {
  name: 'quarantine',
  title:
    'the store refuses one record in fifty and refuses to quarantine it, writers are killed: files have them, and replay stores them',
  dialects: DIALECTS,
  async run(bench, dialect) {
    const ledger = await bench.ledger(dialect);
    const trial = new Trial(bench, ledger, 'poisoned');
    const kills = bench.isFull ? 50 : 1;
    try {
      await trial.begin();
      for (const statement of [...refusing(dialect), ...refusingQuarantine(dialect)])
        await ledger.query(statement);
      // Of one that ends by itself nothing is left in the spool but what it could bring nowhere.
      const first = trial.start({ runs: RUNS });
      await first.report('loaded');
      await first.close();
      for (let killed = 1; killed <= kills; killed++) {
        const writer = trial.start({ rate: RATE });
        await writer.until(between(bench.random, LIFE / 2, LIFE));
        writer.kill('SIGKILL');
        await writer.ended;
        bench.progress(killed / kills);
      }
      const inFiles = await filesIn(bench, trial);
      const faults = inFiles > 0 ? [] : ['no record was kept in a file'];
      await ledger.query(allowing(dialect, 'refuse', 'execution_records'));
      faults.push(...(await replayed(bench, trial)));
      const left = await filesIn(bench, trial);
      if (left > 0) faults.push(`${left} files are left after all were replayed`);
      await ledger.query(allowing(dialect, 'refuse_quarantine', 'record_quarantine'));
      const settlement = await trial.settle();
      return {
        figures: { kills, inFiles, ...figuresOf([settlement]) },
        faults: [...faultsOf(settlement), ...faults],
      };
    } finally {
      await trial.dispose();
    }
  },
};

function refusingQuarantine(dialect: Dialect): readonly string[] {
  switch (dialect) {
    case 'sqlite':
      return [
        `create trigger refuse_quarantine before insert on record_quarantine
          begin select raise(abort, 'refused'); end`,
      ];
    case 'mariadb':
    case 'mysql':
      return [
        `create trigger refuse_quarantine before insert on record_quarantine for each row
          signal sqlstate '23000' set mysql_errno = 4025, message_text = 'refused'`,
      ];
    case 'postgres':
      return [
        `create function refuse_quarantine() returns trigger language plpgsql as $$
          begin raise exception using message = 'refused', errcode = '23514'; end $$`,
        `create trigger refuse_quarantine before insert on record_quarantine
          for each row execute function refuse_quarantine()`,
      ];
  }
}

function allowing(dialect: Dialect, trigger: string, table: string): string {
  return `drop trigger ${trigger}${dialect === 'postgres' ? ` on ${table}` : ''}`;
}

/** Has the command line bring home what dead writers left, and store what is in quarantine. Returns what it complains of. */
async function replayed({ root, folder }: Bench, { ledger, directory }: Trial): Promise<readonly string[]> {
  const env = { PATH: process.env.PATH, RUNLEDGER_STORE: ledger.url, RUNLEDGER_DIR: directory };
  const args = [join(root, 'dist', 'cli.js'), 'quarantine', 'replay', '--all', '--json'];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
    const { stored, refused } = JSON.parse(stdout);
    return stored > 0 && refused.length === 0 ? [] : [`replay: ${stdout.slice(0, 500)}`];
  } catch (error) {
    return [`replay: ${String(error).slice(0, 500)}`];
  }
}

/** Files of quarantines, in the spools of writers. */
async function filesIn(bench: Bench, trial: Trial): Promise<number> {
  const names: string[] = [];
  for (const folder of [bench.folder, trial.directory])
    names.push(...(await readdir(folder, { recursive: true }).catch(() => [])));
  return new Set(names.filter((name) => /\.spool\/quarantine\/[^/]+\.seg$/.test(name))).size;
}

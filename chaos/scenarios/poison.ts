import { countOf, DIALECTS, type Dialect } from '../ledgers/ledger.ts';
import { EXECUTIONS } from '../obligation.ts';
import type { Scenario } from '../scenario.ts';
import { figuresOf, Trial } from '../trial.ts';

/** SQLSTATEs by which PostgreSQL may refuse the content of a record. The last one looks like a broken connection. */
const REFUSALS = ['22P02', '22021', '22003', '23514', '23502', '54000', '08P01'];

const REFUSED_EVERY = 50;

/** The store refuses single records for their content; those around them in a batch have nothing to suffer from it. */
export const poison: Scenario = {
  name: 'poison',
  title: 'the store refuses one record in fifty: those alone are quarantined, their batch mates stored',
  dialects: DIALECTS,
  async run(bench, dialect) {
    const ledger = await bench.ledger(dialect);
    const trial = new Trial(bench, ledger);
    const runs = bench.isFull ? 2_000 : 100;
    try {
      const first = trial.start({ runs: 1 });
      await first.report('loaded');
      await first.close();
      for (const statement of refusing(dialect)) await ledger.query(statement);
      const batch = { shutdownTimeoutMillis: 30_000 };
      const writer = trial.start({ runs, writer: 'poisoned', batch });
      await writer.report('loaded');
      const { accounts, shutdown } = await writer.close();
      const settlement = await trial.settle();
      const quarantined = await countOf(ledger, 'select count(distinct record_id) from record_quarantine');
      const expected = (runs * EXECUTIONS) / REFUSED_EVERY;
      const { lost, duplicates, spurious, wrong, unaccounted } = settlement;
      const faults = [];
      if (quarantined !== expected || accounts?.quarantined !== expected) {
        faults.push(
          `${quarantined} are quarantined and ${accounts?.quarantined} counted, of ${expected} that were refused`,
        );
      }
      if (lost !== expected) faults.push(`${lost} have no row, of ${expected} that were refused`);
      if (shutdown?.left !== 0) faults.push(`${shutdown?.left} were left in the spool`);
      if (duplicates + spurious + wrong + unaccounted > 0) {
        faults.push(JSON.stringify({ duplicates, spurious, wrong, unaccounted }));
      }
      return { figures: { refused: expected, quarantined, ...figuresOf([settlement]) }, faults };
    } finally {
      await trial.dispose();
    }
  },
};

/** Numbers that end in 03 or 53, of writers whose names begin so. */
const REFUSED =
  "(new.correlation_id like 'poisoned%:3' or new.correlation_id like 'poisoned%:%03' or new.correlation_id like 'poisoned%:%53')";

/** Has a ledger refuse one record in fifty. */
export function refusing(dialect: Dialect): readonly string[] {
  switch (dialect) {
    case 'sqlite':
      return [
        `create trigger refuse before insert on execution_records when ${REFUSED}
          begin select raise(abort, 'refused'); end`,
      ];
    case 'mariadb':
    case 'mysql':
      return [
        `create trigger refuse before insert on execution_records for each row
          begin if ${REFUSED} then signal sqlstate '23000' set mysql_errno = 4025, message_text = 'refused'; end if; end`,
      ];
    case 'postgres':
      return [
        `create function refuse() returns trigger language plpgsql as $$
          begin
            if ${REFUSED} then
              raise exception using message = 'refused', errcode =
                (array['${REFUSALS.join("','")}'])[1 + (split_part(new.correlation_id, ':', 2)::int / 50) % ${REFUSALS.length}];
            end if;
            return new;
          end $$`,
        'create trigger refuse before insert on execution_records for each row execute function refuse()',
      ];
  }
}

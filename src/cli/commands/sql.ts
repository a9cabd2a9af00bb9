import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { SqlValue } from '../../store/execution-row.ts';
import { CliError } from '../cli-error.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { existingLedger, shownLedger, withLedger } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';
import { type Cell, renderTable } from '../table.ts';

/** Adds `sql`: one query of the user's own. `--json`: `{schema_version, ledger, columns: [name], rows: [[value]]}`. */
export function addSqlCommand(program: Command, io: CliIo): void {
  program
    .command('sql')
    .description('run one query that only reads, over execution_records and its views')
    .argument('<query>', 'the query, or - to read it from standard input')
    .addHelpText(
      'after',
      [
        '',
        'Views: pipeline_runs, process_runs, step_runs, failed_runs, outcome_rates.',
        'Examples:',
        '  runledger sql "select name, avg(duration_ms) from step_runs group by name"',
        '  runledger sql - --json < slowest.sql',
        '',
      ].join('\n'),
    )
    .action(async (query: string, _: unknown, command: Command) => {
      const options: GlobalOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const statement = query === '-' ? await text(process.stdin) : query;
      if (statement.trim() === '')
        throw new CliError('the query is empty. Try "select * from pipeline_runs limit 5".');
      const { columns, rows } = await withLedger(location, (ledger) => ledger.query(statement));
      if (options.json) {
        io.out(
          jsonDocument({ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), columns, rows }),
        );
        return;
      }
      io.out(
        renderTable(
          columns.map(columnOf(rows)),
          rows.map((row) => row.map(cellOf)),
          io.terminal,
        ),
      );
      io.note(rows.length === 1 ? '1 row' : `${rows.length} rows`);
    });
}

function columnOf(rows: readonly (readonly SqlValue[])[]) {
  return (name: string, index: number) => {
    const isNumeric = rows.length > 0 && rows.every((row) => typeof (row[index] ?? 0) === 'number');
    return { title: printable(name), minWidth: 4, ...(isNumeric && { align: 'right' as const }) };
  };
}

function cellOf(value: SqlValue): Cell {
  return value === null ? { text: 'NULL', look: 'faint' } : { text: printable(String(value)) };
}

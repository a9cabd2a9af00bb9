import type { Command } from 'commander';
import { countArgument } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { existingLedger, shownLedger, withLedger } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { JSON_SCHEMA_VERSION, jsonFromRow } from '../row-json.ts';
import { treeFromRows } from '../run-tree.ts';
import { renderRun } from '../run-view.ts';
import { rowsInTreeOrder } from '../tree-lines.ts';

interface ShowOptions extends GlobalOptions {
  readonly limit: number;
  readonly all?: true;
}

/**
 * Adds `show`: one run as a tree, with its failure. `--json`: `{schema_version, ledger, run_id, total, records: [row]}`,
 * each record after the one it belongs to, those that belong to the same one in order of start.
 */
export function addShowCommand(program: Command, io: CliIo): void {
  program
    .command('show')
    .description('show one run: its tree, its times, the step that failed and why')
    .argument('<run>', 'run id, the start of one, the id of any record in it, or "last"')
    .option('--all', 'every one of many successful siblings, and whole stacks')
    .option('--limit <count>', 'at most so many records, those that failed first', countArgument, 10_000)
    .addHelpText('after', '\nExamples:\n  runledger show last\n  runledger show 0651a3f2\n')
    .action(async (id: string, _: unknown, command: Command) => {
      const options: ShowOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const { rows, total } = await withLedger(location, async (ledger) => {
        const [newest] = id === 'last' ? await ledger.runs({ limit: 1 }) : [];
        const rows = await ledger.run(newest?.run_id ?? id, { limit: options.limit });
        const [first] = rows;
        const isCut = first !== undefined && rows.length >= options.limit;
        return { rows, total: isCut ? await ledger.runSize(first.run_id) : rows.length };
      });
      if (rows.length === 0) {
        throw new CliError(
          `no run ${printable(id)} in ${printable(shownLedger(location))}. "runledger runs" lists those there are.`,
        );
      }
      if (options.json) {
        const run = {
          run_id: rows[0]?.run_id,
          total,
          records: rowsInTreeOrder(treeFromRows(rows)).map(jsonFromRow),
        };
        io.out(jsonDocument({ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), ...run }));
        return;
      }
      if (total > rows.length) {
        io.note(`${rows.length} of the ${total} records of this run; --limit shows more`);
      }
      io.out(renderRun(rows, io.terminal, { all: options.all === true, now: Date.now() }));
    });
}

import type { Command } from 'commander';
import type { RunFilter } from '../../store/ledger-reader.ts';
import { countArgument, sinceArgument } from '../arguments.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { existingLedger, shownLedger, withLedger } from '../ledger-location.ts';
import { jsonDocument } from '../printable.ts';
import { JSON_SCHEMA_VERSION, jsonFromRow } from '../row-json.ts';
import { renderRuns } from '../runs-table.ts';

interface RunsOptions extends GlobalOptions {
  readonly failed?: true;
  readonly name?: string;
  readonly since?: number;
  readonly tenant?: string;
  readonly correlation?: string;
  readonly nested?: true;
  readonly limit: number;
}

/** Adds `runs`: the newest runs as a table. `--json`: `{schema_version, ledger, runs: [row]}`, newest first. */
export function addRunsCommand(program: Command, io: CliIo): void {
  program
    .command('runs')
    .description('list runs, newest first')
    .option('--failed', 'only runs that ended in failure, error or timeout')
    .option('--name <pattern>', 'only pipelines of this name; * stands for any characters')
    .option(
      '--since <time>',
      'only runs started since: 90s, 1h, 7d ago, or an ISO date or time',
      sinceArgument,
    )
    .option('--tenant <tenant>', 'only runs of this tenant')
    .option('--correlation <id>', 'only runs of this business unit')
    .option('--nested', 'also pipelines started inside another pipeline')
    .option('--limit <count>', 'at most so many', countArgument, 20)
    .addHelpText(
      'after',
      '\nExamples:\n  runledger runs --failed --since 24h\n  runledger runs --name "nightly-*" --json\n',
    )
    .action(async (_: unknown, command: Command) => {
      const options: RunsOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const rows = await withLedger(location, (ledger) => ledger.runs(filterFrom(options)));
      if (options.json) {
        io.out(
          jsonDocument({
            schema_version: JSON_SCHEMA_VERSION,
            ledger: shownLedger(location),
            runs: rows.map(jsonFromRow),
          }),
        );
        return;
      }
      if (rows.length === 0) {
        io.note('no runs match');
        return;
      }
      io.out(renderRuns(rows, io.terminal, Date.now()));
      if (rows.length === options.limit) io.note(`the newest ${rows.length}; --limit shows more`);
    });
}

function filterFrom({ failed, name, since, tenant, correlation, nested, limit }: RunsOptions): RunFilter {
  return {
    ...(failed && { failed }),
    ...(name !== undefined && { name }),
    ...(since !== undefined && { sinceMs: since }),
    ...(tenant !== undefined && { tenant }),
    ...(correlation !== undefined && { correlationId: correlation }),
    ...(nested && { nested }),
    limit,
  };
}

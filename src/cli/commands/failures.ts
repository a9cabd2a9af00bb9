import type { Command } from 'commander';
import { countArgument, sinceArgument } from '../arguments.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { renderFailures } from '../failures-table.ts';
import { existingLedger, shownLedger, withLedger } from '../ledger-location.ts';
import { jsonDocument } from '../printable.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';

interface FailuresOptions extends GlobalOptions {
  readonly since?: number;
  readonly limit: number;
}

/**
 * Adds `failures`: what failed, grouped by cause. `--json`: `{schema_version, ledger, failures: [{fingerprint,
 * error_type, error_message, pipeline, failed_step, count, first_seen, last_seen, last_run_id}]}`.
 */
export function addFailuresCommand(program: Command, io: CliIo): void {
  program
    .command('failures')
    .description('list what failed, grouped by cause, newest first')
    .option('--since <time>', 'only failures since: 90s, 1h, 7d ago, or an ISO date or time', sinceArgument)
    .option('--limit <count>', 'at most so many causes', countArgument, 20)
    .addHelpText('after', '\nExample:\n  runledger failures --since 7d\n')
    .action(async (_: unknown, command: Command) => {
      const options: FailuresOptions = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const { limit } = options;
      const filter = options.since === undefined ? { limit } : { limit, sinceMs: options.since };
      const groups = await withLedger(location, (ledger) => ledger.failures(filter));
      if (options.json) {
        io.out(
          jsonDocument({
            schema_version: JSON_SCHEMA_VERSION,
            ledger: shownLedger(location),
            failures: groups,
          }),
        );
        return;
      }
      if (groups.length === 0) {
        io.note('no failures');
        return;
      }
      io.out(renderFailures(groups, io.terminal));
    });
}

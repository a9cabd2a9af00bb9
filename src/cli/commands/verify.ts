import type { Command } from 'commander';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { renderInstances } from '../instances-table.ts';
import { type AccountedInstance, readInstances } from '../ledger-instances.ts';
import { existingLedger, shownLedger, withLedger } from '../ledger-location.ts';
import { jsonDocument } from '../printable.ts';
import { formatCount } from '../quantities.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';
import { livingInstances } from '../spool-recovery.ts';

/**
 * Adds `verify`: whether every record there ever was is accounted for. `--json`: `{schema_version, ledger, is_complete,
 * instances: [{instance_id, service_name, host, pid, state, durability, last_seq, stored, quarantined, pruned, lost, missing,
 * losses: [{reason, records, first_seq, last_seq}]}]}`. Exit code 1 where records are missing.
 */
export function addVerifyCommand(program: Command, io: CliIo): void {
  program
    .command('verify')
    .description('check that every record there ever was is stored, or known to be lost')
    .option('--all', 'also list processes of which nothing is missing')
    .addHelpText(
      'after',
      [
        '',
        'Every process numbers its records without a gap, so what is not in the ledger is missing, and by how much is known.',
        'Records of a living process may be on their way; those of one that has ended may not.',
        '',
      ].join('\n'),
    )
    .action(async (_: unknown, command: Command) => {
      const options: GlobalOptions & { readonly all?: true } = command.optsWithGlobals();
      const location = existingLedger(options.ledger, process.env);
      const instances = await withLedger(location, async (ledger) =>
        readInstances(ledger, Date.now(), await livingInstances(location)),
      );
      const incomplete = instances.filter(isIncomplete);
      if (incomplete.length > 0) io.fail();
      if (options.json) {
        const isComplete = incomplete.length === 0;
        io.out(
          jsonDocument({
            schema_version: JSON_SCHEMA_VERSION,
            ledger: shownLedger(location),
            is_complete: isComplete,
            instances,
          }),
        );
        return;
      }
      const shown = options.all === true ? instances : instances.filter(hasNews);
      if (shown.length > 0) io.out(renderInstances(shown, io.terminal));
      io.out(`${summaryOf(instances, incomplete)}\n`);
    });
}

/** A process that ended owes its records; one that lives may have them on their way. */
function isIncomplete({ state, missing }: AccountedInstance): boolean {
  return missing < 0 || (state !== 'living' && missing > 0);
}

function hasNews(instance: AccountedInstance): boolean {
  return instance.missing !== 0 || instance.lost > 0 || instance.quarantined > 0;
}

function summaryOf(
  instances: readonly AccountedInstance[],
  incomplete: readonly AccountedInstance[],
): string {
  const sum = (of: (instance: AccountedInstance) => number) =>
    formatCount(instances.reduce((total, instance) => total + of(instance), 0));
  const counts = `${sum(({ last_seq }) => last_seq)} records of ${formatCount(instances.length)} processes: ${sum(({ stored }) => stored)} stored, ${sum(({ pruned }) => pruned)} pruned, ${sum(({ quarantined }) => quarantined)} in quarantine, ${sum(({ lost }) => lost)} lost and known`;
  if (incomplete.length > 0) {
    const missing = incomplete.reduce((total, instance) => total + instance.missing, 0);
    return `${counts}, ${formatCount(missing)} MISSING from ${formatCount(incomplete.length)}`;
  }
  const onTheirWay = instances.reduce((total, { missing }) => total + missing, 0);
  return onTheirWay === 0
    ? `${counts}. Nothing is missing.`
    : `${counts}, ${formatCount(onTheirWay)} on their way. Nothing is missing.`;
}

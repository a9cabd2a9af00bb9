import type { Command } from 'commander';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { ledgerLocation, shownLedger } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { formatCount } from '../quantities.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';
import { recoverSpool } from '../spool-recovery.ts';

/**
 * Adds `recover`: stores what processes that have ended left in the spool. `--json`: `{schema_version, ledger, recovered,
 * stored, left, quarantined, interrupted}`. Exit code 1 where something is left.
 */
export function addRecoverCommand(program: Command, io: CliIo): void {
  program
    .command('recover')
    .description('store what processes that have ended left in the spool')
    .addHelpText(
      'after',
      '\nThe next start of a program that writes this ledger does the same, and so do the commands that read it.\n',
    )
    .action(async (_: unknown, command: Command) => {
      const options: GlobalOptions = command.optsWithGlobals();
      const location = ledgerLocation(options.ledger, process.env);
      const recovery = await recoverSpool(location);
      if (recovery.left > 0) io.fail();
      if (options.json) {
        io.out(
          jsonDocument({ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), ...recovery }),
        );
        return;
      }
      const { recovered, left, quarantined, interrupted } = recovery;
      io.out(
        recovered + interrupted === 0
          ? `nothing to recover beside ${printable(shownLedger(location))}\n`
          : `recovered ${formatCount(recovered)} records; ${formatCount(interrupted)} executions had been interrupted\n`,
      );
      if (quarantined > 0)
        io.note(`${formatCount(quarantined)} are in quarantine: runledger quarantine list`);
      if (left > 0)
        io.note(`${formatCount(left)} are left in the spool: the ledger did not take them in time`);
    });
}

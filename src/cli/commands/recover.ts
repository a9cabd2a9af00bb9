import type { Command } from 'commander';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import { ledgerLocation, shownLedger } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { formatCount } from '../quantities.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';
import { recoverSpool } from '../spool-recovery.ts';

/**
 * Adds `recover`: stores what processes that have ended left in the spool. `--json`: `{schema_version, ledger, recovered,
 * stored, left, quarantined, interrupted, brought_in}`. Exit code 1 where something is left.
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
      const { broughtIn, ...recovery } = await recoverSpool(location);
      const { recovered, left, quarantined, interrupted } = recovery;
      if (left > 0) io.fail();
      if (options.json) {
        const counts = { ...recovery, brought_in: broughtIn };
        io.out(
          jsonDocument({ schema_version: JSON_SCHEMA_VERSION, ledger: shownLedger(location), ...counts }),
        );
        return;
      }
      io.out(
        recovered + interrupted + broughtIn === 0
          ? `nothing to recover beside ${printable(shownLedger(location))}\n`
          : `recovered ${formatCount(recovered)} records; ${formatCount(interrupted)} executions had been interrupted\n`,
      );
      if (quarantined + broughtIn > 0)
        io.note(`${formatCount(quarantined + broughtIn)} are in quarantine: runledger quarantine list`);
      if (left > 0)
        io.note(`${formatCount(left)} are left in the spool: the ledger did not take them in time`);
    });
}

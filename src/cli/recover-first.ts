import type { Command } from 'commander';
import type { CliIo, GlobalOptions } from './cli-io.ts';
import { ledgerLocation } from './ledger-location.ts';
import { printable } from './printable.ts';
import { formatCount } from './quantities.ts';
import { hasSpool, recoverSpool } from './spool-recovery.ts';

/** Commands that look at the machine, or do it themselves. */
const EXEMPT = new Set(['doctor', 'recover']);

/**
 * Stores what ended processes left in the spool before a command reads the ledger, so that it shows all there is: a short
 * program ends before its last records are stored. What goes wrong is said, and the command goes on.
 */
export async function recoverFirst(command: Command, io: CliIo): Promise<void> {
  if (EXEMPT.has(command.name())) return;
  try {
    const location = ledgerLocation(command.optsWithGlobals<GlobalOptions>().ledger, process.env);
    if (!hasSpool(location)) return;
    const { recovered, interrupted, left } = await recoverSpool(location);
    if (interrupted > 0)
      io.note(`${formatCount(interrupted)} executions of a process that died were interrupted`);
    if (left > 0) io.note(`${formatCount(left)} of ${formatCount(recovered)} records are left in the spool`);
  } catch (error) {
    const reason = printable(error instanceof Error ? error.message : String(error));
    io.note(`the spool could not be stored, so the newest records may be missing: ${reason}`);
  }
}

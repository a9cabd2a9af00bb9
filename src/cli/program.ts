import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { CliError } from './cli-error.ts';
import type { CliIo } from './cli-io.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addFailuresCommand } from './commands/failures.ts';
import { addPruneCommand } from './commands/prune.ts';
import { addQuarantineCommand } from './commands/quarantine.ts';
import { addRecoverCommand } from './commands/recover.ts';
import { addRunsCommand } from './commands/runs.ts';
import { addShowCommand } from './commands/show.ts';
import { addSqlCommand } from './commands/sql.ts';
import { addVerifyCommand } from './commands/verify.ts';
import { EXIT_ERROR, EXIT_USAGE } from './exit-codes.ts';
import { printable } from './printable.ts';
import { recoverFirst } from './recover-first.ts';

/**
 * Runs what the command line `argv` (without node and script) stands for. Never rejects. Resolves with the exit code:
 * 0 all is well, also when nothing was found; 1 it can not be done; 2 wrong usage.
 */
export async function runProgram(argv: readonly string[], io: CliIo): Promise<number> {
  const program = createProgram(io);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    io.note(`runledger: ${messageOf(error)}`);
    return EXIT_ERROR;
  }
}

function createProgram(io: CliIo): Command {
  const program = new Command('runledger')
    .description(
      'Reads the ledger your pipelines write: what ran, how it ended, and which step was the cause.',
    )
    .version(VERSION, '--version', 'print the version')
    .option('--ledger <ledger>', 'file or database URL (default: RUNLEDGER_STORE, else .runledger/ledger.db)')
    .option('--json', 'print one JSON document')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.note(text.trimEnd()) })
    .exitOverride()
    .showHelpAfterError('(--help says what there is)')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  runledger runs --failed --since 24h',
        '  runledger show last',
        '  runledger failures --since 7d',
        '  runledger sql "select name, count(*) from step_runs group by name"',
        '  runledger verify',
        '  runledger doctor --import ./telemetry.js',
        '',
        'Exit codes: 0 done, also when nothing was found; 1 an error, or a failed check; 2 wrong usage.',
      ].join('\n'),
    );
  addRunsCommand(program, io);
  addShowCommand(program, io);
  addFailuresCommand(program, io);
  addSqlCommand(program, io);
  addPruneCommand(program, io);
  addVerifyCommand(program, io);
  addRecoverCommand(program, io);
  addQuarantineCommand(program, io);
  addDoctorCommand(program, io);
  program.hook('preAction', (_, command) => recoverFirst(command, io));
  return program;
}

function messageOf(error: unknown): string {
  if (error instanceof CliError) return error.message;
  return printable(error instanceof Error ? error.message : String(error));
}

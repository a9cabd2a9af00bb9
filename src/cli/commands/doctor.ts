import type { Command } from 'commander';
import { serverOf } from '../../store/ledger-location.ts';
import type { CliIo, GlobalOptions } from '../cli-io.ts';
import type { Check } from '../doctor/check.ts';
import { checkLedger } from '../doctor/ledger-checks.ts';
import { checkNode } from '../doctor/node-check.ts';
import { checkOtelPackages } from '../doctor/otel-packages.ts';
import { checkRuntime } from '../doctor/runtime-checks.ts';
import { ledgerLocation } from '../ledger-location.ts';
import { jsonDocument, printable } from '../printable.ts';
import { JSON_SCHEMA_VERSION } from '../row-json.ts';
import type { Look, Terminal } from '../terminal.ts';

interface DoctorOptions extends GlobalOptions {
  readonly import?: string;
}

/**
 * Adds `doctor`: finds out why there are no records, or soon will be none. Exit code 1 where a check fails. `--json`:
 * `{schema_version, ok, checks: [{name, status, message, fix?}]}`.
 */
export function addDoctorCommand(program: Command, io: CliIo): void {
  program
    .command('doctor')
    .description(
      'check the set-up in this folder: versions, ledger file, and a probe pipeline in a process of its own',
    )
    .option('--import <file>', 'set-up the program is started with (default: runledger/register)')
    .addHelpText(
      'after',
      '\nRun it in the folder of the program, with its environment.\nExample:\n  runledger doctor --import ./telemetry.js\n',
    )
    .action(async (_: unknown, command: Command) => {
      const options: DoctorOptions = command.optsWithGlobals();
      const checks = [
        checkNode(process.versions.node),
        ...checkOtelPackages(process.cwd()),
        ...(await checkLedger(options.ledger, process.env)),
        ...(await checkRuntime(process.cwd(), options.import, readableLedger(options.ledger))),
      ];
      const failed = checks.filter((check) => check.status === 'fail').length;
      if (failed > 0) io.fail();
      if (options.json) {
        io.out(jsonDocument({ schema_version: JSON_SCHEMA_VERSION, ok: failed === 0, checks }));
        return;
      }
      io.out(checks.map((check) => renderCheck(check, io.terminal)).join(''));
      io.out(failed === 0 ? 'no check failed\n' : `${failed} of ${checks.length} checks failed\n`);
    });
}

/** The file the other commands would read; undefined where they read no file. */
function readableLedger(option: string | undefined): string | undefined {
  try {
    const location = ledgerLocation(option, process.env);
    return serverOf(location) === undefined ? location : undefined;
  } catch {
    return undefined;
  }
}

const LOOKS: Readonly<Record<Check['status'], Look>> = { ok: 'good', warn: 'warn', fail: 'bad' };

function renderCheck({ name, status, message, fix }: Check, terminal: Terminal): string {
  const line = `${terminal.paint(LOOKS[status], status.padEnd(4))}  ${name.padEnd(18)}  ${printable(message)}\n`;
  return fix === undefined ? line : `${line}${' '.repeat(26)}→ ${printable(fix)}\n`;
}

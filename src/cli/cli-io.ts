import { EXIT_ERROR } from './exit-codes.ts';
import { standardTerminal, type Terminal } from './terminal.ts';

/** What a command is given beside its own options. */
export interface GlobalOptions {
  /** `--ledger`, as typed. */
  readonly ledger?: string;
  /** Print one JSON document instead of text for people. */
  readonly json?: true;
}

/** What a command writes: results to standard output, everything about them to standard error. */
export interface CliIo {
  readonly terminal: Terminal;
  out(text: string): void;
  note(text: string): void;
  /** The command did its work and the answer is a no: the process ends with exit code 1. */
  fail(): void;
}

/** Standard output and standard error of this process. */
export function standardIo(): CliIo {
  return {
    terminal: standardTerminal(),
    out: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(`${text}\n`),
    fail: () => {
      process.exitCode = EXIT_ERROR;
    },
  };
}

/** Ends quietly, with the exit code reached so far, when nobody reads the output any more, as in `| head`. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit();
    });
  }
}

/** Keeps Node.js from remarking on standard error that `node:sqlite` is experimental, as its version 22 does. */
export function hideExperimentalWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.stack ?? warning.message}\n`);
  });
}

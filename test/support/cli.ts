import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a run of the command line tool ended. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and how to run it. */
export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Runs the command line tool in a process of its own, without colours and without the surrounding `RUNLEDGER_*`. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(RUNLEDGER_|OTEL_|NODE_OPTIONS|FORCE_COLOR|COLUMNS)/.test(name),
    );
    const child = spawn(process.execPath, [MAIN, ...args], {
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
    child.stdin.end(options.input ?? '');
  });
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExecutionRow } from '../../src/store/execution-row.ts';
import { storeLeftovers } from './left-in-spool.ts';

/** How to run a program. */
export interface ProgramOptions {
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** Arguments of Node.js before the program's file. */
  readonly node?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The Node.js that runs it. @default the one that runs the tests */
  readonly executable?: string;
  /** Is handed what the program prints, as it prints it, and the process: to signal it. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder for programs to run in, with the ledger they leave there. */
export interface ProgramFolder {
  readonly path: string;
  /** Runs a program of `test/sdk/programs`, or one at an absolute path, to its end. */
  run(program: string, options?: ProgramOptions): Promise<ProgramEnd>;
  /** The records in the folder's ledger, by name; none where there is no ledger. */
  rows(ledger?: string): readonly ExecutionRow[];
  /** Copies the package to where no SDK can be found, with a program that uses it. */
  copyWithoutSdk(): Promise<{ readonly program: string; readonly register: string }>;
  remove(): Promise<void>;
}

/** The module that `node --import runledger/register` loads. */
export const REGISTER = fileURLToPath(new URL('../../src/register.ts', import.meta.url));

/** The records are looked for in the ledger once a program has ended; by default some would still be in the spool. */
const DRAIN = { RUNLEDGER_DRAIN_ON_EXIT: 'true' };

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where a program of `test/sdk/programs` is. */
export function programPath(program: string): string {
  return join(ROOT, 'test', 'sdk', 'programs', program);
}

export async function createProgramFolder(): Promise<ProgramFolder> {
  const path = await mkdtemp(join(tmpdir(), 'runledger-program-'));
  return {
    path,
    run: (program, options) =>
      runProgram(path, isAbsolute(program) ? program : programPath(program), options),
    rows: (ledger = join('.runledger', 'ledger.db')) => rowsOf(join(path, ledger)),
    copyWithoutSdk: () => copyWithoutSdk(path),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

async function copyWithoutSdk(
  path: string,
): Promise<{ readonly program: string; readonly register: string }> {
  const packages = join('node_modules', '@opentelemetry');
  await mkdir(join(path, packages), { recursive: true });
  await writeFile(join(path, 'package.json'), '{ "type": "module" }');
  await Promise.all([
    cp(join(ROOT, 'src'), join(path, 'src'), { recursive: true }),
    cp(join(ROOT, 'test', 'sdk', 'programs'), join(path, 'test', 'sdk', 'programs'), { recursive: true }),
    cp(join(ROOT, packages, 'api'), join(path, packages, 'api'), { recursive: true }),
    cp(join(ROOT, 'node_modules', 'kysely'), join(path, 'node_modules', 'kysely'), { recursive: true }),
  ]);
  return {
    program: join(path, 'test', 'sdk', 'programs', 'pipeline.mjs'),
    register: join(path, 'src', 'register.ts'),
  };
}

/** Runs a program in a folder to its end, without what the environment says of telemetry. */
export async function runProgram(
  cwd: string,
  file: string,
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(RUNLEDGER_|OTEL_|NODE_OPTIONS)/.test(name),
  );
  const child = spawn(
    options.executable ?? process.execPath,
    [...(options.node ?? []), file, ...(options.args ?? [])],
    {
      cwd,
      env: { ...Object.fromEntries(inherited), ...DRAIN, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  child.stdout.on('data', (chunk: Buffer) =>
    options.onOutput?.(String(chunk), (signal) => child.kill(signal)),
  );
  const [[exitCode, signal], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { exitCode, signal, stdout, stderr };
}

function rowsOf(ledger: string): readonly ExecutionRow[] {
  storeLeftovers(ledger);
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(ledger, { readOnly: true, timeout: 5_000 });
  } catch {
    return [];
  }
  const rows = database.prepare('select * from execution_records order by name, attempt').all();
  database.close();
  return rows as unknown as readonly ExecutionRow[];
}

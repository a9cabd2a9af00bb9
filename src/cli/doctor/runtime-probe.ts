import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { moduleUrl } from '../../own-files.ts';
import type { ProbeReport } from './probe-report.ts';

/** How the probe ended: with its report, or with the reason there is none. */
export type ProbeResult = { readonly report: ProbeReport } | { readonly failure: string };

/** How long the application's set-up may take. */
const TIMEOUT_MS = 20_000;
/** Characters kept of the child's output. */
const OUTPUT_TAIL = 8_192;
/** Characters of it that are of use in a message. */
const REASON_LENGTH = 300;

/**
 * Starts node in `folder` as the application would be started, with its set-up file or, without one,
 * `runledger/register`, and lets one pipeline run there. Its records stay in memory.
 */
export async function probeRuntime(folder: string, setup: string | undefined): Promise<ProbeResult> {
  const directory = mkdtempSync(join(tmpdir(), 'runledger-doctor-'));
  const packageUrl = (name: string) => runledgerUrl(folder, name);
  const child = spawn(
    process.execPath,
    [
      '--import',
      setup === undefined ? packageUrl('register') : setupUrl(folder, setup),
      probeFile(),
      packageUrl('index'),
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, RUNLEDGER_STORE: 'memory:', RUNLEDGER_DIR: directory },
    },
  );
  try {
    return await reportOf(child);
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

function reportOf(child: ChildProcess): Promise<ProbeResult> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_TAIL);
    });
  }
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<ProbeResult>((resolve) => {
    const late = { failure: `it did not end within ${TIMEOUT_MS / 1_000} s` };
    timer = setTimeout(() => resolve(late), TIMEOUT_MS);
    child.on('message', (report) => resolve({ report: report as ProbeReport }));
    child.on('error', (error) => resolve({ failure: error.message }));
    child.on('close', (code, signal) => {
      const end = signal === null ? `exit code ${code}` : signal;
      resolve({ failure: `it ended with ${end} before the probe ran: ${reasonIn(output)}` });
    });
  });
  return ended.finally(() => clearTimeout(timer));
}

/** The line of the output that names an error, else its end. */
function reasonIn(output: string): string {
  const error = /^(?:Uncaught )?[\w$]*Error\b[^\n]*: [^\n]+$/m.exec(output)?.[0];
  return error?.slice(0, REASON_LENGTH) ?? output.trim().slice(-REASON_LENGTH);
}

/** A file as Node.js takes it on its command line, or the name of a package as it is. */
function setupUrl(folder: string, setup: string): string {
  const path = resolve(folder, setup);
  return setup.startsWith('.') || existsSync(path) ? pathToFileURL(path).href : setup;
}

/** The application's own copy of Runledger, else the one this command belongs to. */
function runledgerUrl(folder: string, module: string): string {
  const name = module === 'index' ? 'runledger' : `runledger/${module}`;
  try {
    return pathToFileURL(createRequire(join(folder, 'program.js')).resolve(name)).href;
  } catch {
    return moduleUrl(module).href;
  }
}

function probeFile(): string {
  return fileURLToPath(moduleUrl('cli/doctor/probe'));
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Oracle } from './oracle.ts';
import type { WriterCommand, WriterPlan, WriterReport } from './programs/plan.ts';

/** How a writer is run, beside its plan. */
export interface WriterOptions {
  /** The project whose package it uses. */
  readonly root: string;
  /** Arguments of Node.js. */
  readonly node?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that starts Node.js in its turn, such as `prlimit`. */
  readonly wrapper?: readonly [command: string, ...args: string[]];
  /** @default 'writer.ts' */
  readonly program?: string;
}

/** How a writer's process ended. */
export interface WriterEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Pipes = [stdin: Writable, stdout: Readable, stderr: Readable, acks: Readable];

const TOLD_WITHIN_MILLIS = 1_200_000;

/** A process that writes. What it acknowledges goes to the oracle. */
export class WriterProcess {
  readonly plan: WriterPlan;
  readonly ended: Promise<WriterEnd>;
  readonly #child: ChildProcess;
  readonly #oracle: Oracle;
  readonly #reports: WriterReport[] = [];
  readonly #listeners = new Set<() => void>();
  #acknowledged = 0;
  #hasEnded = false;
  #rest = '';

  constructor(plan: WriterPlan, oracle: Oracle, options: WriterOptions) {
    this.plan = plan;
    this.#oracle = oracle;
    const program = join(options.root, 'chaos', 'programs', options.program ?? 'writer.ts');
    const [command, ...args] = [
      ...(options.wrapper ?? []),
      process.execPath,
      ...(options.node ?? []),
      program,
    ];
    const inherited = Object.entries(process.env).filter(([name]) => !/^(RUNLEDGER_|OTEL_|NODE_)/.test(name));
    this.#child = spawn(command ?? process.execPath, args, {
      cwd: options.root,
      env: {
        ...Object.fromEntries(inherited),
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        CHAOS_PLAN: JSON.stringify(plan),
        ...options.env,
      },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    oracle.expect(plan.writer, plan.runs);
    const [stdin, stdout, stderr, acks] = this.#child.stdio as unknown as Pipes;
    stdin.on('error', () => {});
    acks.setEncoding('utf8').on('data', (chunk: string) => this.#hear(chunk));
    this.ended = Promise.all([once(this.#child, 'close'), text(stdout), text(stderr)]).then(
      ([[exitCode, signal], out, err]) => {
        this.#hasEnded = true;
        this.#changed();
        return { exitCode, signal, stdout: out, stderr: err } as WriterEnd;
      },
    );
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the writer did not start');
    return this.#child.pid;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Resolves once so many executions are acknowledged, or the process has ended. */
  async until(acknowledged: number): Promise<void> {
    await this.#when(() => this.#acknowledged >= acknowledged || this.#hasEnded);
  }

  /** The next report of a type that has not been asked for. Rejects with what the process printed where it ends first. */
  async report(type: WriterReport['type']): Promise<WriterReport> {
    const isThere = () => this.#reports.some((report) => report.type === type);
    await this.#when(() => isThere() || this.#hasEnded);
    const index = this.#reports.findIndex((report) => report.type === type);
    const [report] = index < 0 ? [] : this.#reports.splice(index, 1);
    if (report !== undefined) return report;
    const { exitCode, signal, stderr } = await this.ended;
    throw new Error(`a writer ended (${exitCode ?? signal}) before it was ${type}: ${stderr.slice(-2_000)}`);
  }

  tell(command: WriterCommand): void {
    (this.#child.stdin as Writable).write(`${command}\n`);
  }

  async ask(command: 'state' | 'close'): Promise<WriterReport> {
    this.tell(command);
    return await this.report(command === 'state' ? 'state' : 'closed');
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Has it store what it can and end; what it told last. */
  async close(): Promise<WriterReport> {
    const report = await this.ask('close');
    await this.ended;
    return report;
  }

  #hear(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) {
        this.#reports.push(JSON.parse(line) as WriterReport);
      } else {
        this.#acknowledged++;
        this.#oracle.acknowledged(this.plan.writer, Number(line));
      }
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #when(isSo: () => boolean): Promise<void> {
    if (isSo()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#listeners.delete(listener);
        reject(new Error(`writer ${this.plan.writer} told nothing for ${TOLD_WITHIN_MILLIS / 1_000} s`));
      }, TOLD_WITHIN_MILLIS);
      const listener = () => {
        if (!isSo()) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }
}

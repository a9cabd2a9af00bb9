import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Oracle } from '../oracle.ts';
import { traced } from '../power/trace.ts';
import type { WriterPlan } from '../programs/plan.ts';
import type { ReplayPlan, ReplayReport } from '../programs/power-replay.ts';
import { type Bench, type Finding, type Scenario, Skipped } from '../scenario.ts';
import { between } from '../seeded.ts';
import { WriterProcess } from '../writer-process.ts';

/** Executions a second: tracing a call takes longer than making it. */
const RATE = 400;
/** How writers end, one after the other, and their runs: the last takes over what the others left. */
const WRITERS = [
  { end: 'kill', full: 400, short: 80 },
  { end: 'exit', full: 8, short: 8 },
  { end: 'close', full: 400, short: 80 },
] as const;
const STATES = { full: 3_000, short: 50 };
/** A process that has parsed a trace goes on with so many states. */
const STATES_A_PROCESS = 500;

/**
 * Writers work with every call on their files traced. From the trace follow the states in which a power cut may leave the
 * disk at any moment; each of them is recovered.
 */
export const power: Scenario = {
  name: 'power',
  title: 'the power is cut: every state the disk may be in then is recovered',
  async run(bench): Promise<Finding> {
    mustTrace();
    const [os, process] = await Promise.all([replayOf(bench, 'os'), replayOf(bench, 'process')]);
    return {
      figures: {
        states: os.states + process.states,
        acknowledged: os.acknowledged + process.acknowledged,
        recoveredRows: os.recoveredRows + process.recoveredRows,
        lostAndKnown: os.lostKnown + process.lostKnown,
        osExposedMs: os.exposedMillis.journal,
        osExposedPosixMs: os.exposedMillis.posix,
        osGraceMs: os.graceMillis,
      },
      faults: [...os.faults, ...process.faults],
    };
  },
};

type Replayed = Pick<
  ReplayReport,
  'states' | 'recoveredRows' | 'lostKnown' | 'exposedMillis' | 'graceMillis' | 'faults'
> & {
  readonly acknowledged: number;
};

async function replayOf(bench: Bench, durability: 'os' | 'process'): Promise<Replayed> {
  const folder = join(bench.folder, durability);
  await mkdir(folder, { recursive: true });
  const base: WriterPlan = { writer: '', store: '', directory: folder, durability, runs: 0, rate: RATE };
  const traces: ReplayPlan['traces'][number][] = [];
  let acknowledged = 0;
  for (const { end, full, short } of WRITERS) {
    const plan = { ...base, writer: `${durability}-${end}`, runs: bench.isFull ? full : short };
    const file = join(bench.folder, `${plan.writer}.trace`);
    const options = {
      root: bench.root,
      program: 'power-writer.ts',
      env: { CHAOS_END: end },
      wrapper: traced(file),
    };
    const writer = new WriterProcess(plan, new Oracle(), options);
    const { exitCode, signal, stderr } = await writer.ended;
    const isAsTold = end === 'kill' ? signal === 'SIGKILL' : exitCode === 0;
    if (!isAsTold) throw new Error(`a traced writer ended (${exitCode ?? signal}): ${stderr.slice(-1_000)}`);
    acknowledged += writer.acknowledged;
    traces.push({ file, writer: plan.writer, isKilled: end === 'kill' });
  }
  const sums = { states: 0, recoveredRows: 0, lostKnown: 0 };
  const exposedMillis = { journal: 0, posix: 0 };
  let graceMillis = 0;
  const faults: string[] = [];
  const wanted = bench.isFull ? STATES.full : STATES.short;
  while (sums.states < wanted) {
    const states = Math.min(wanted - sums.states, STATES_A_PROCESS);
    const seed = between(bench.random, 1, 1e9);
    const report = await replay(bench, {
      ...base,
      directory: bench.folder,
      traces,
      traced: folder,
      states,
      seed,
    });
    sums.states += report.states;
    sums.recoveredRows += report.recoveredRows;
    sums.lostKnown += report.lostKnown;
    exposedMillis.journal = Math.max(exposedMillis.journal, report.exposedMillis.journal);
    exposedMillis.posix = Math.max(exposedMillis.posix, report.exposedMillis.posix);
    graceMillis = report.graceMillis;
    faults.push(...report.faults.map((fault) => `${durability}, seed ${seed}, ${fault}`));
    bench.progress(sums.states / wanted);
  }
  return { acknowledged, ...sums, exposedMillis, graceMillis, faults };
}

async function replay(bench: Bench, plan: ReplayPlan): Promise<ReplayReport> {
  const program = new WriterProcess(plan, new Oracle(), { root: bench.root, program: 'power-replay.ts' });
  const report = (await program.report('closed')) as ReplayReport;
  const { exitCode, stderr } = await program.ended;
  if (exitCode !== 0) throw new Error(`a replay ended with ${exitCode}: ${stderr.slice(-1_000)}`);
  return report;
}

function mustTrace(): void {
  try {
    execFileSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'], { stdio: 'pipe' });
  } catch {
    throw new Skipped('strace is not installed, or may not trace here');
  }
}

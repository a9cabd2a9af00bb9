import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordAccounts } from 'runledger';
import { droppedOf, identityFaults } from '../accounts.ts';
import { signalTree } from '../process-tree.ts';
import { type Bench, type Finding, type Scenario, Skipped } from '../scenario.ts';
import { figuresOf, Trial, waitingOf } from '../trial.ts';
import type { WriterProcess } from '../writer-process.ts';

const DISK_MEGABYTES = 3;
/** So many that disk and memory are too small for all records, and large enough for the failures and run-level ones among them. */
const RUNS = 1_500;

/** The spool is on a disk of 3 MB, and the database stands still until far more than that was recorded. */
export const diskFull: Scenario = {
  name: 'disk-full',
  title: 'the disk of the spool is full: successful steps are given up first, and counted; the store goes on',
  dialects: ['postgres'],
  isLong: true,
  async run(bench, dialect): Promise<Finding> {
    const ledger = await bench.ledger(dialect);
    if (ledger.server === undefined) throw new Error(`${dialect} has no process`);
    const trial = new Trial(bench, ledger);
    await mkdir(trial.directory, { recursive: true });
    mountSmallDisk(trial.directory);
    try {
      await trial.begin();
      signalTree(ledger.server.pid, 'SIGSTOP');
      const writer = trial.start({ rate: 2_000, runs: RUNS });
      await writer.report('loaded');
      const full = await accountsOf(writer);
      signalTree(ledger.server.pid, 'SIGCONT');
      const faults = identityFaults('while the disk is full', full);
      const drained = await drainedAccounts(writer);
      faults.push(...identityFaults('after it', drained));
      await writer.close();
      const settlement = await trial.settle();
      const dropped = droppedOf(drained);
      const { lost, lostFirst, duplicates, spurious, wrong, unaccounted } = settlement;
      if (lost !== dropped) faults.push(`${lost} are lost, and ${dropped} counted as dropped`);
      if (dropped > 0 && lostFirst > 0)
        faults.push(`${lostFirst} failures or run-level records were given up`);
      if (duplicates + spurious + wrong + unaccounted > 0) {
        faults.push(JSON.stringify({ duplicates, spurious, wrong, unaccounted }), ...settlement.faults);
      }
      return { figures: { diskMb: DISK_MEGABYTES, dropped, lostFirst, ...figuresOf([settlement]) }, faults };
    } finally {
      signalTree(ledger.server.pid, 'SIGCONT');
      await trial.dispose();
      execFileSync('umount', ['-l', trial.directory]);
    }
  },
};

/** There is no descriptor left for a new file, then there are again; files may not grow beyond a bound. */
export const limits: Scenario = {
  name: 'limits',
  isLong: true,
  title: 'no file descriptor is left, or files may not grow: the accounts add up and nothing is lost',
  async run(bench): Promise<Finding> {
    const faults: string[] = [];
    const files = await withoutFiles(bench, faults);
    const small = await withSmallFiles(bench, faults);
    return { figures: { ...files, smallFilesStored: small }, faults };
  },
};

async function withoutFiles(bench: Bench, faults: string[]): Promise<Record<string, number>> {
  const ledger = await bench.ledger('sqlite');
  const trial = new Trial(bench, ledger, 'files');
  try {
    const wrapper = ['prlimit', '--nofile=64'] as const;
    const writer = trial.start({ rate: 1_000, runs: 300, waits: true }, { wrapper });
    await writer.report('ready');
    writer.tell('take files');
    writer.tell('go');
    await writer.until(1_000);
    faults.push(...identityFaults('without descriptors', await accountsOf(writer)));
    writer.tell('give files');
    await writer.report('loaded');
    faults.push(...identityFaults('with descriptors again', await drainedAccounts(writer)));
    await writer.close();
    const settlement = await trial.settle();
    if (settlement.lost > 0)
      faults.push(`${settlement.lost} were lost without descriptors`, ...settlement.faults);
    return figuresOf([settlement]);
  } finally {
    await trial.dispose();
  }
}

/** Everything that can not be written any more is refused by the system with a signal and an error. */
async function withSmallFiles(bench: Bench, faults: string[]): Promise<number> {
  const ledger = await bench.ledger('sqlite');
  const trial = new Trial(bench, ledger, 'small');
  try {
    const wrapper = ['prlimit', '--fsize=2000000'] as const;
    const writer = trial.start({ rate: 2_000, runs: 600 }, { wrapper });
    await writer.report('loaded');
    const accounts = await accountsOf(writer);
    faults.push(...identityFaults('with small files', accounts));
    writer.kill('SIGKILL');
    await writer.ended;
    return accounts.stored;
  } finally {
    await trial.dispose();
  }
}

async function accountsOf(writer: WriterProcess): Promise<RecordAccounts> {
  const { accounts } = await writer.ask('state');
  if (accounts === undefined) throw new Error('a report without accounts');
  return accounts;
}

/** The accounts once nothing waits any more. */
async function drainedAccounts(writer: WriterProcess): Promise<RecordAccounts> {
  let last: RecordAccounts | undefined;
  for (let look = 0; look < 1_200; look++) {
    const report = await writer.ask('state');
    last = report.accounts;
    if (waitingOf(report) === 0 && last !== undefined) return last;
    await sleep(50);
  }
  throw new Error(`not drained within a minute: ${JSON.stringify(last)}`);
}

function mountSmallDisk(directory: string): void {
  if (process.getuid?.() !== 0 || !existsSync('/proc/self/mounts'))
    throw new Skipped('only root can mount a disk');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEGABYTES}m`, 'tmpfs', directory], {
      stdio: 'pipe',
    });
  } catch {
    throw new Skipped('a disk can not be mounted here');
  }
}

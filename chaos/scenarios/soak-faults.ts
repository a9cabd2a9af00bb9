import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger, LedgerServer } from '../ledgers/ledger.ts';
import { signalTree } from '../process-tree.ts';
import { between, oneOf, type Random } from '../seeded.ts';
import type { ProxyMode, TcpProxy } from '../tcp-proxy.ts';
import type { SoakCrew } from './soak-crew.ts';

/** What faults are done to. */
export interface SoakTarget {
  readonly ledger: Ledger;
  readonly crew: SoakCrew;
  /** Between the writers and a server. */
  readonly proxy: TcpProxy | undefined;
  /** The disk of the spool, where it is one of its own. */
  readonly disk: string | undefined;
  readonly random: Random;
  /** How long a fault lasts at most. Milliseconds. */
  readonly patience: number;
}

/** Something that goes wrong for a while. It is over when it resolves, and nothing of it is left. */
export type SoakFault = (target: SoakTarget) => Promise<void>;

/** Every fault by its name. */
export type SoakFaults = Readonly<Record<string, SoakFault>>;

const MODES: readonly [ProxyMode, ...ProxyMode[]] = [
  'delay',
  'stall',
  'reset',
  'half-close',
  'drip',
  'garbage',
  'refuse',
];
const BLOCK = Buffer.alloc(256 * 1_024, 1);
const DISK_MEGABYTES = 48;

/** The faults that this target can suffer. */
export function faultsFor({
  ledger,
  proxy,
  disk,
}: Pick<SoakTarget, 'ledger' | 'proxy' | 'disk'>): SoakFaults {
  const { server } = ledger;
  return {
    'a writer is killed': ({ crew, random }) => crew.replace(random),
    'a writer stands still': async ({ crew, ...target }) => {
      const writer = crew.any(target.random);
      writer.kill('SIGSTOP');
      await aWhile(target);
      writer.kill('SIGCONT');
    },
    ...(server === undefined ? fileFaults(ledger) : serverFaults(ledger, server)),
    ...(proxy !== undefined && {
      'the network is bad': async (target) => {
        proxy.mode = oneOf(target.random, MODES);
        await aWhile(target);
        proxy.mode = 'pass';
      },
    }),
    ...(disk !== undefined && { 'the disk of the spool is full': (target) => fill(disk, target) }),
  };
}

function fileFaults(ledger: Ledger): SoakFaults {
  return {
    'the ledger is locked': async (target) => {
      const lock = new DatabaseSync(ledger.url.slice('sqlite:'.length), { timeout: 30_000 });
      try {
        lock.exec('begin immediate');
        await aWhile(target);
      } finally {
        lock.close();
      }
    },
  };
}

function serverFaults(ledger: Ledger, server: LedgerServer): SoakFaults {
  return {
    'the database is down': async (target) => {
      await server.stop(ledger.dialect === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
      await aWhile(target);
      await server.start();
    },
    'the database stands still': async (target) => {
      signalTree(server.pid, 'SIGSTOP');
      await aWhile(target);
      signalTree(server.pid, 'SIGCONT');
    },
  };
}

async function aWhile({ random, patience }: Pick<SoakTarget, 'random' | 'patience'>): Promise<void> {
  await sleep(between(random, 200, patience));
}

/** Leaves no byte of the disk, and has everybody write to it again afterwards. */
async function fill(disk: string, target: Omit<SoakTarget, 'disk'>): Promise<void> {
  const path = join(disk, 'ballast');
  const file = openSync(path, 'w');
  try {
    for (const bytes of [BLOCK.length, 4_096, 1]) {
      try {
        for (;;) if (writeSync(file, BLOCK, 0, bytes) < bytes) break;
      } catch {
        // There is less room than that.
      }
    }
    await aWhile(target);
  } finally {
    closeSync(file);
    rmSync(path);
  }
  await target.crew.untilSafe();
}

/** Gives a folder a small disk of its own; undefined where that is not possible here. */
export async function mountDisk(folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${DISK_MEGABYTES}m`, 'tmpfs', folder];
    execFileSync('mount', options, { stdio: 'pipe' });
    return folder;
  } catch {
    return undefined;
  }
}

export function unmountDisk(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'pipe' });
}

/**
 * Builds, from the traces of writers, the states that a power cut may have left their disk in, has each of them recovered, and
 * judges what came of it.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryRecordStore } from 'runledger';
import { type RecoveredByCommand, recoverByCommand } from '../power/command-line.ts';
import { Disk, type DiskState, type FileSystem } from '../power/disk.ts';
import { writtenRecords } from '../power/frames.ts';
import { type RestoredStore, restore, restoredStore, StoreNotes } from '../power/ledger-at.ts';
import { DIRECTORY, STORE_NAME } from '../power/names.ts';
import { OsPromise, type TracedLife } from '../power/promise.ts';
import { layOut, type Recovered, RecoveryJudge } from '../power/replay.ts';
import { type DiskCall, readTrace } from '../power/trace.ts';
import { between, seeded } from '../seeded.ts';
import type { WriterPlan, WriterReport } from './plan.ts';
import { tell } from './work.ts';

/** What is replayed: the traces of writers that worked one after the other on one folder. */
export interface ReplayPlan extends WriterPlan {
  readonly traces: readonly { readonly file: string; readonly writer: string; readonly isKilled: boolean }[];
  /** The folder the writers were given. */
  readonly traced: string;
  readonly states: number;
  readonly seed: number;
}

/** What was found. */
export interface ReplayReport extends WriterReport {
  readonly states: number;
  readonly calls: number;
  readonly recoveredRows: number;
  readonly lostKnown: number;
  /** The longest time ago that something was acknowledged and could be lost, by file system. Milliseconds. */
  readonly exposedMillis: Readonly<Record<FileSystem, number>>;
  /** What a busy machine adds to what is promised. Milliseconds. */
  readonly graceMillis: number;
  readonly faults: readonly string[];
}

/** The command line has every so many of the states to recover as well. */
const STATES_A_COMMAND = 25;
/** Where files cost no disk. */
const MEMORY = '/dev/shm';
/** States of one cut: the power may leave many. */
const STATES_A_CUT = 4;
const FAULTS_SHOWN = 12;
/** At so many moments it is asked what may be lost, whatever the state. */
const MOMENTS = 400;
const SYSTEMS = ['journal', 'posix'] as const;

const plan = JSON.parse(process.env.CHAOS_PLAN ?? '') as ReplayPlan;
const random = seeded(plan.seed);
const calls: DiskCall[] = [];
const lives: TracedLife[] = [];
for (const { file, writer, isKilled } of plan.traces) {
  const from = calls.length;
  for (const call of await readTrace(file, plan.traced)) calls.push({ ...call, after: call.after + from });
  lives.push({ writer, from, to: calls.length, isKilled });
}
const records = writtenRecords(calls);
const notes = new StoreNotes(calls);
const disk = new Disk(calls, plan.traced);
const truth = new MemoryRecordStore({ maxRecords: 1_000_000 });
await restore(truth, notes.before(calls.length));
const judge = new RecoveryJudge(truth, records, disk);
const promise = new OsPromise(calls, disk, records, lives);
const faults: string[] = [];
const exposedMillis = { journal: 0, posix: 0 };
let recoveredRows = 0;
let lostKnown = 0;
let states = 0;

if (promise.acknowledged === 0 || records.length < promise.acknowledged)
  faults.push(`${promise.acknowledged} were acknowledged, and ${records.length} records found in the traces`);
if (plan.durability === 'os') {
  for (let moment = 1; moment <= MOMENTS; moment++)
    judgePromise(Math.round((moment * calls.length) / MOMENTS));
}
while (states < plan.states) {
  const cut = drawCut();
  for (const system of SYSTEMS) {
    for (let state = 0; state < STATES_A_CUT / SYSTEMS.length && states < plan.states; state++)
      await replay(cut, system);
  }
}
const report: ReplayReport = {
  type: 'closed',
  states,
  calls: calls.length,
  recoveredRows,
  lostKnown,
  exposedMillis,
  graceMillis: Math.round(promise.graceMillis),
  faults:
    faults.length > FAULTS_SHOWN
      ? [...faults.slice(0, FAULTS_SHOWN), `${faults.length} faults in all`]
      : faults,
};
tell(report);

/** Anywhere, or right before or after a call that is not the everyday one of a record that is added. */
function drawCut(): number {
  const cut = between(random, 1, calls.length);
  if (random() < 0.5) return cut;
  const rare = calls.findIndex(({ kind }, index) => index >= cut && kind !== 'write' && kind !== 'told');
  return rare < 1 ? cut : rare + between(random, 0, 1);
}

function judgePromise(cut: number): void {
  const stored = new Set<string>();
  for (const note of notes.before(cut)) {
    if ('records' in note)
      for (const { recordId, state } of note.records) if (state === 'ended') stored.add(recordId);
  }
  for (const system of SYSTEMS) {
    const exposed = promise.longestExposed(cut, system, stored);
    if (exposed === undefined) continue;
    exposedMillis[system] = Math.max(exposedMillis[system], Math.round(exposed.millis));
    if (promise.isBroken(exposed.millis)) {
      faults.push(
        `call ${cut}, ${system}: ${exposed.id} was acknowledged ${Math.round(exposed.millis)} ms before, and may be lost (grace ${Math.round(promise.graceMillis)} ms)`,
      );
    }
  }
}

async function replay(cut: number, system: FileSystem): Promise<void> {
  const state = disk.after(cut, system, random);
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : plan.directory, 'runledger-power-'));
  states++;
  try {
    const byCommand =
      states % STATES_A_COMMAND === 0
        ? await recoverByCommand(
            process.cwd(),
            folder,
            spoolIn(state, join(folder, 'copy')),
            notes.before(cut),
          )
        : undefined;
    spoolIn(state, folder);
    const directory = join(folder, DIRECTORY);
    const store = await restoredStore(notes.before(cut));
    const found = await judge.recover(directory, state, store, cut);
    recoveredRows += found.rows;
    lostKnown += found.lost + found.missing;
    const different = byCommand === undefined ? [] : differencesOf(byCommand, found, store);
    const all = [...found.faults, ...different];
    faults.push(...all.slice(0, 3).map((fault) => `call ${cut}, ${system}: ${fault}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lays a state out in a folder; where its spool is, be it empty. */
function spoolIn(state: DiskState, folder: string): string {
  layOut(state, plan.traced, folder);
  const spool = join(folder, DIRECTORY, `${STORE_NAME}.spool`);
  mkdirSync(spool, { recursive: true });
  return spool;
}

/** In what the command line differs from the recovery that a program does: one is judged, the other has to be the same. */
function differencesOf(
  byCommand: RecoveredByCommand,
  found: Recovered,
  store: RestoredStore,
): readonly string[] {
  const faults = [...byCommand.faults];
  const { lost, missing, revisions } = byCommand;
  if (lost !== found.lost || missing !== found.missing)
    faults.push(
      `by command ${lost} are lost and ${missing} missing, else ${found.lost} and ${found.missing}`,
    );
  const records = store.kept.records();
  if (revisions.size !== records.length)
    faults.push(`by command there are ${revisions.size} rows, else ${records.length}`);
  for (const { recordId, rev, correlationId } of records) {
    if (revisions.get(recordId) !== rev) faults.push(`by command ${correlationId} is of another revision`);
  }
  return faults;
}

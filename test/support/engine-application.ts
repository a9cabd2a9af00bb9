import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { installFixture } from './fixture-project.ts';
import { storeLeftovers } from './left-in-spool.ts';
import { type ProgramEnd, type ProgramOptions, runProgram } from './program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What an application with an engine is made of: the newest of everything, or the oldest that is supported. */
export interface Lane {
  readonly lane: 'newest' | 'oldest';
  readonly sdk: '3.x' | '2.x';
  /** Node.js that runs it. */
  readonly node: string;
}

const NODE_22 = join(ROOT, 'test', 'package', 'node-22');

/** The lanes every engine is tried in, each with ES modules and CommonJS. */
export const LANES: readonly Lane[] = [
  { lane: 'newest', sdk: '3.x', node: process.execPath },
  { lane: 'oldest', sdk: '2.x', node: join(NODE_22, 'node_modules', 'node', 'bin', 'node') },
];

/** A row of the ledger, with the name of what it hangs below. */
export type RecordedRow = Readonly<Record<string, string | number | null>> & {
  readonly kind: string;
  readonly name: string;
  readonly outcome: string | null;
  readonly attempt: number;
  readonly parent: string | null;
};

/** An application as its users have it: its engine, its SDK and the packaged runledger in `node_modules`. */
export interface EngineApplication {
  readonly path: string;
  /** Runs one of the engine's programs with the lane's Node.js; with `--import runledger/register` unless told not to. */
  run(program: string, options?: ProgramOptions & { readonly plain?: boolean }): Promise<ProgramEnd>;
  /** The records of its ledger, first to start first. */
  rows(): readonly RecordedRow[];
  remove(): Promise<void>;
}

/**
 * Makes an application of `test/engines/<engine>`: the programs there (`*.mjs`, `*.cjs`), with the packages of the
 * lane's fixture, `test/engines/<engine>/newest` or `oldest`, a `package.json` with its lock file each.
 * Allow {@link INSTALL_MILLIS} for it: the first one installs the fixture. Needs `npm run build` before.
 */
export async function createEngineApplication(
  engine: string,
  { lane, node }: Lane,
): Promise<EngineApplication> {
  const programs = join(ROOT, 'test', 'engines', engine);
  const fixture = join(programs, lane);
  await installFixture(fixture);
  if (lane === 'oldest') await installFixture(NODE_22);
  const path = await mkdtemp(join(tmpdir(), `runledger-${engine}-`));
  const modules = join(path, 'node_modules');
  await mkdir(modules);
  for (const name of await readdir(join(fixture, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(fixture, 'node_modules', name), join(modules, name));
  }
  await copyPackage(modules);
  for (const file of await readdir(programs)) {
    if (/\.[mc]js$/.test(file)) await cp(join(programs, file), join(path, file));
  }
  const register = join(modules, 'runledger', 'dist', 'register.js');
  return {
    path,
    run: (program, { plain = false, ...options } = {}) =>
      runProgram(path, isAbsolute(program) ? program : join(path, program), {
        ...options,
        executable: node,
        node: [...(plain ? [] : ['--import', register]), ...(options.node ?? [])],
      }),
    rows: () => rowsOf(join(path, '.runledger', 'ledger.db')),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** What npm would install: a copy, so that what it imports is what the application has. */
async function copyPackage(modules: string): Promise<void> {
  const folder = join(modules, 'runledger');
  await mkdir(folder);
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  for (const name of ['kysely', 'commander', 'cli-table3']) {
    await symlink(join(ROOT, 'node_modules', name), join(modules, name)).catch(() => undefined);
  }
}

function rowsOf(ledger: string): readonly RecordedRow[] {
  storeLeftovers(ledger);
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(ledger, { readOnly: true, timeout: 5_000 });
  } catch {
    return [];
  }
  const rows = database
    .prepare(
      `select own.*, parent.name as parent from execution_records own
       left join execution_records parent on parent.record_id = own.parent_record_id
       order by own.started_at, own.seq`,
    )
    .all();
  database.close();
  return rows as unknown as readonly RecordedRow[];
}

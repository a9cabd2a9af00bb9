import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { storeLeftovers } from './left-in-spool.ts';
import { createProgramFolder, type ProgramEnd, type ProgramOptions } from './program.ts';

/** A row of the ledger, with what it hangs below. */
export interface ExecutionRow {
  readonly kind: string;
  readonly name: string;
  readonly outcome: string;
  readonly attempt: number;
  readonly parent: string | null;
  readonly pipeline: string;
  readonly failed_step: string | null;
  readonly recovered_failures: number;
  readonly error_type: string | null;
  readonly error_message: string | null;
  readonly skip_reason: string | null;
  readonly span_id: string;
  readonly input: string | null;
  readonly attributes: string | null;
}

/** A folder that is an application: engines installed in it as npm does, and programs that import them. */
export interface EngineFolder {
  readonly path: string;
  /** Copies one of our packages into the folder, under a name and a version if need be. */
  install(from: string, to?: string, version?: string): Promise<void>;
  /** Copies this package to where none of our own packages can be found. The path of its `register`. */
  copyPackage(): Promise<string>;
  run(program: string, options?: ProgramOptions): Promise<ProgramEnd>;
  /** The records, first to start first. */
  rows(): readonly ExecutionRow[];
  remove(): Promise<void>;
}

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('../instrumentation/programs', import.meta.url));
const LISTR2 = fileURLToPath(new URL('../engines/listr2', import.meta.url));

export async function createEngineFolder(): Promise<EngineFolder> {
  const folder = await createProgramFolder();
  const modules = join(folder.path, 'node_modules');
  await mkdir(modules);
  await symlink(join(MODULES, '@opentelemetry'), join(modules, '@opentelemetry'));
  await cp(PROGRAMS, folder.path, { recursive: true });
  for (const file of await readdir(LISTR2)) {
    if (/\.[mc]js$/.test(file)) await cp(join(LISTR2, file), join(folder.path, file));
  }
  return {
    path: folder.path,
    install: (from, to = from, version) => install(from, join(modules, to), modules, version),
    copyPackage: () => copyPackage(folder.path, modules),
    run: (program, options) => folder.run(join(folder.path, program), options),
    rows: () => rowsOf(join(folder.path, '.runledger', 'ledger.db')),
    remove: folder.remove,
  };
}

async function copyPackage(path: string, modules: string): Promise<string> {
  await symlink(join(MODULES, 'kysely'), join(modules, 'kysely'));
  await cp(SOURCE, join(path, 'src'), { recursive: true });
  await writeFile(join(path, 'package.json'), '{ "type": "module" }');
  return join(path, 'src', 'register.ts');
}

/** The package is a copy, so that its path is what npm would make it; what it depends on are links. */
async function install(from: string, folder: string, modules: string, version?: string): Promise<void> {
  await cp(join(MODULES, from), folder, { recursive: true });
  const path = join(folder, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  if (version !== undefined) await writeFile(path, JSON.stringify({ ...manifest, version }));
  const own = await readdir(join(folder, 'node_modules')).catch((): string[] => []);
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (own.includes(name)) continue;
    const link = join(modules, name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(MODULES, name), link).catch(() => undefined);
  }
}

function rowsOf(ledger: string): readonly ExecutionRow[] {
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
  return rows as unknown as readonly ExecutionRow[];
}

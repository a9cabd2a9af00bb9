/**
 * Shows that the proof can fail: builds the package with one fault each, and runs the scenario that has to find it.
 *
 *   npm run chaos:mutations
 *   npm run chaos:mutations -- --only listener
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { Laboratory } from './bench.ts';
import type { Dialect } from './ledgers/ledger.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';

/** One fault: what is replaced in the source, and who has to notice. */
interface Mutation {
  readonly name: string;
  readonly what: string;
  readonly scenario: string;
  readonly dialect: Dialect;
  /** What the scenario has to say of it: a fault that merely breaks the program proves nothing. */
  readonly says: RegExp;
  readonly edits: readonly Edit[];
}

/** A piece of source that must be there exactly once, or the mutation no longer applies. */
interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const MUTATIONS: readonly Mutation[] = [
  {
    name: 'write-stream',
    what: 'frames go to the disk through a stream, not before the call returns',
    scenario: 'kill',
    dialect: 'sqlite',
    says: /"lost":[1-9]|no such table/,
    edits: [
      {
        file: 'src/spool/file-writer.ts',
        from: 'const written = writeSync(fd, bytes, 0, length);',
        to: `const copy = Buffer.from(bytes.subarray(0, length));
  setTimeout(() => { try { writeSync(fd, copy); } catch {} }, 5);
  const written = length;`,
      },
    ],
  },
  {
    name: 'batch-span-processor',
    what: 'the SDK’s BatchSpanProcessor stands before the ledger',
    scenario: 'kill',
    dialect: 'sqlite',
    says: /"lost":[1-9]|no such table/,
    edits: [
      {
        file: 'src/sdk/runledger.ts',
        from: 'this.spanProcessor = this.#recording?.processor ?? IDLE_PROCESSOR;',
        to: `const own = this.#recording?.processor ?? IDLE_PROCESSOR;
    const exporter = {
      export(spans: readonly unknown[], done: (result: { code: number }) => void) {
        for (const span of spans) own.onEnd(span as never);
        done({ code: 0 });
      },
      shutdown: () => own.shutdown(),
    };
    const batch = new BatchSpanProcessor({ exporter } as never);
    this.spanProcessor = {
      onStart: (span, context) => own.onStart(span, context),
      onEnd: (span) => batch.onEnd(span as never),
      forceFlush: () => batch.forceFlush(),
      shutdown: () => batch.shutdown(),
    };`,
      },
      {
        file: 'src/sdk/runledger.ts',
        from: "import { announceLedger } from './process-ledger.ts';",
        to: `import { announceLedger } from './process-ledger.ts';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';`,
      },
    ],
  },
  {
    name: 'no-dedupe',
    what: 'a record that is sent again is a row of its own',
    scenario: 'kill-recovery',
    dialect: 'sqlite',
    says: /"duplicates":[1-9]/,
    edits: [
      {
        file: 'src/store/sql/ledger-schema.ts',
        from: "if (column.name === 'record_id') return definition.notNull().primaryKey();",
        to: "if (column.name === 'record_id') return definition.notNull();",
      },
      {
        file: 'src/store/sql/execution-upsert.ts',
        from: `    .onConflict((conflict) =>
      conflict
        .column('record_id')
        .doUpdateSet((eb) => Object.fromEntries(NAMES.map((name) => [name, eb.ref(\`excluded.\${name}\`)])))
        .whereRef('excluded.rev', '>', 'execution_records.rev'),
    )
`,
        to: '',
      },
    ],
  },
  {
    name: 'no-listener',
    what: 'nobody listens to errors of idle connections',
    scenario: 'terminate',
    dialect: 'postgres',
    says: /a writer ended/,
    edits: [
      {
        file: 'src/store/sql/postgres/postgres-server.ts',
        from: "      pool.on('error', this.#onError);",
        to: '',
      },
    ],
  },
  {
    name: 'no-way-given',
    what: 'on a full disk a failure is refused though there are steps on it',
    scenario: 'disk-full',
    dialect: 'postgres',
    says: /failures or run-level records were given up|steps were kept, and failures were not/,
    edits: [
      {
        file: 'src/spool/disk-room.ts',
        from: 'if (oldest === undefined || (',
        to: "if (lane === 'first' || oldest === undefined || (",
      },
    ],
  },
  {
    name: 'read-only-kept',
    what: 'a connection to a server that may only be read is kept',
    scenario: 'failover',
    dialect: 'postgres',
    says: /nothing was stored/,
    edits: [
      {
        file: 'src/store/sql/postgres/postgres-connection.ts',
        from: 'const HARMLESS = /^(?:21|22|23|2B|',
        to: 'const HARMLESS = /^(?:21|22|23|25|2B|',
      },
    ],
  },
  {
    name: '08P01-transient',
    what: 'a protocol violation counts as a broken connection',
    scenario: 'poison',
    dialect: 'postgres',
    says: /are quarantined|left in the spool/,
    edits: [
      {
        file: 'src/export/error-families.ts',
        from: "['data', ['08P01', '21', '22', '23', '54']],",
        to: "['data', ['21', '22', '23', '54']],",
      },
    ],
  },
  {
    name: 'quarantine-unkept',
    what: 'a file of the quarantine is gone before the record is settled',
    scenario: 'quarantine',
    dialect: 'sqlite',
    says: /"lost":[1-9]/,
    edits: [
      {
        file: 'src/spool/quarantine-folder.ts',
        from: 'await rename(unfinished, join(this.path, name));',
        to: 'await rm(unfinished);',
      },
    ],
  },
  {
    name: 'files-unsynced',
    what: 'with durability os files are not forced to disk',
    scenario: 'power',
    dialect: 'sqlite',
    says: /may be lost/,
    edits: [
      {
        file: 'src/spool/segment-sync.ts',
        from: 'fdatasync(unsynced.fd, (error) => {',
        to: 'setImmediate((error: Error | null = null) => {',
      },
    ],
  },
  {
    name: 'folders-unsynced',
    what: 'with durability os the names of new folders are not forced to disk',
    scenario: 'power',
    dialect: 'sqlite',
    says: /posix: .* may be lost/,
    edits: [
      {
        file: 'src/spool/folder-sync.ts',
        from: 'if (this.#withAncestors.has(folder)) return folders;',
        to: 'if (folder !== undefined) return folders;',
      },
    ],
  },
];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COPIED = ['src', 'chaos', 'test/support', 'package.json', 'tsconfig.json', 'rolldown.config.js'];

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, seed: { type: 'string', default: '1' } },
});
const laboratory = new Laboratory();
let survivors = 0;
try {
  for (const mutation of MUTATIONS.filter(({ name }) => name.includes(values.only))) {
    const caught = await tryMutation(mutation);
    if (caught === undefined) survivors++;
    const word = caught === undefined ? 'SURVIVED' : 'caught  ';
    process.stdout.write(`${word} ${mutation.name.padEnd(22)} ${mutation.what}\n`);
    if (caught !== undefined)
      process.stdout.write(`         by ${mutation.scenario}-${mutation.dialect}: ${caught}\n`);
  }
} finally {
  await laboratory.dispose();
}
process.exitCode = survivors === 0 ? 0 : 1;

/** What the scenario said of the fault; undefined where it passed, or could not run. */
async function tryMutation({ scenario: name, dialect, says, edits }: Mutation): Promise<string | undefined> {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  const root = await mkdtemp(join(tmpdir(), 'runledger-mutation-'));
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(root, path), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    for (const edit of edits) await apply(root, edit);
    await promisify(execFile)(
      process.execPath,
      [join(ROOT, 'node_modules/rolldown/bin/cli.mjs'), '--config'],
      {
        cwd: root,
      },
    );
    const options = { isFull: false, seed: Number(values.seed), root, onProgress: () => {} };
    const { outcome, reasons } = await laboratory.run(scenario, dialect, options);
    const [reason = ''] = reasons;
    if (outcome === 'failed' && says.test(reason)) return reason.split('\n')[0];
    process.stdout.write(`         ${scenario.name} ${outcome}: ${reason.slice(0, 500)}\n`);
    return undefined;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function apply(root: string, { file, from, to }: Edit): Promise<void> {
  const path = join(root, file);
  const source = await readFile(path, 'utf8');
  if (source.split(from).length !== 2) {
    throw new Error(`a mutation no longer applies: ${file} has not exactly one ${JSON.stringify(from)}`);
  }
  await writeFile(
    path,
    source.replace(from, () => to),
  );
}

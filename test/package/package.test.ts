import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { INSTALL_MILLIS, installFixture, npm } from '../support/fixture-project.ts';
import { freePort } from '../support/free-port.ts';
import { storeLeftovers } from '../support/left-in-spool.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';

const run = promisify(execFile);
const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = join(HERE, '..', '..');
const NODE_22 = join(HERE, 'node-22', 'node_modules', 'node', 'bin', 'node');

interface PackedFile {
  readonly path: string;
  readonly size: number;
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly PackedFile[];
}

let scratch: string;
let packed: Packed;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'runledger-package-'));
  if (!existsSync(join(ROOT, 'dist', 'index.js'))) await npm(['run', 'build'], ROOT);
  const json = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], ROOT);
  packed = JSON.parse(json)[0];
}, INSTALL_MILLIS);

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

describe('the packed package', () => {
  it('holds the built code, the documents and nothing else', () => {
    const unexpected = packed.files
      .map(({ path }) => path)
      .filter(
        (path) =>
          !/^(dist\/.+\.(js|d\.ts)|docs\/.+|(README|CHANGELOG|SECURITY)\.md|LICENSE|package\.json)$/.test(
            path,
          ),
      );
    expect(unexpected).toEqual([]);
  });

  it('has every file its manifest points to', () => {
    const { exports, bin } = manifest();
    const targets = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    const paths = packed.files.map(({ path }) => `./${path}`);
    expect(paths).toEqual(
      expect.arrayContaining([...targets, ...Object.values(bin).map((path) => `./${path}`)]),
    );
  });

  // What reads ledgers needs kysely, which no program should load at its start, so `sql` has a file more.
  it.each([
    ['index', 3],
    ['register', 3],
    ['testing', 3],
    ['sql', 4],
  ])('loads few files for %s', (entry, files) => {
    expect(filesLoadedBy(join(ROOT, 'dist', `${entry}.js`)).size).toBeLessThanOrEqual(files);
  });

  it.each(['index', 'register', 'testing'])('loads no SQL for %s', (entry) => {
    const files = [...filesLoadedBy(join(ROOT, 'dist', `${entry}.js`))];
    expect(files.filter((file) => readFileSync(file, 'utf8').includes('from "kysely"'))).toEqual([]);
  });

  it('stays small', () => {
    expect(packed.size).toBeLessThan(400_000);
    expect(packed.unpackedSize).toBeLessThan(1_500_000);
  });

  it('runs nothing when it is installed', () => {
    expect(Object.keys(manifest().scripts)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(pre|post)?install$|^prepare$/)]),
    );
  });
});

describe.each([
  { line: 'SDK 2.x', fixture: 'sdk-2' },
  { line: 'SDK 3.x', fixture: 'sdk-3' },
])('installed beside $line', ({ fixture }) => {
  const folder = join(HERE, fixture);
  let cwd: string;

  beforeAll(async () => {
    await installFixture(join(HERE, 'node-22'));
    await installFixture(folder);
    await npm(['install', '--no-save', '--no-package-lock', join(scratch, packed.filename)], folder);
  }, INSTALL_MILLIS);

  beforeEach(async () => {
    cwd = await mkdtemp(join(scratch, 'run-'));
  });

  afterEach(async () => {
    await rm(cwd, { recursive: true, force: true });
  });

  it('fits the types of the SDK', async () => {
    await run(process.execPath, [join(folder, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder]);
  });

  describe.each([
    { version: 'v22.16.0', node: NODE_22 },
    { version: process.version, node: process.execPath },
  ])('on Node.js $version', ({ version, node }) => {
    it('runs on that version', async () => {
      expect((await run(node, ['--version'])).stdout.trim()).toBe(version);
    });

    it.each(['composed.mjs', 'composed.cjs'])('records, exports and serves metrics: %s', async (program) => {
      const env = { PROMETHEUS_PORT: String(await freePort()) };
      const { stdout, stderr } = await run(node, [join(folder, program)], { cwd, env });
      const { spans, scrape, accounts } = JSON.parse(stdout);
      expect(stderr).toBe('');
      expect(spans.sort()).toEqual(['pipeline import', 'process store', 'step download', 'step load']);
      expect(scrape).toMatch(/^runledger_execution_duration_count\{runledger_kind="pipeline".*\} 1$/m);
      expect(scrape).toMatch(/^runledger_records_created_total\S* 4$/m);
      expect(accounts).toMatchObject({ created: 4, stored: 4, queued: 0 });
      expect(failedSteps(cwd)).toEqual(FAILED_STEPS);
    });

    it('joins the SDK the application sets up itself', async () => {
      const register = join(folder, 'node_modules', 'runledger', 'dist', 'register.js');
      const env = { OTEL_TRACES_SAMPLER: 'always_off', OTEL_LOGS_EXPORTER: 'none' };
      const program = join(folder, 'own-sdk.mjs');
      const sampled = await run(node, ['--import', register, program], {
        cwd,
        env: { OTEL_LOGS_EXPORTER: 'none' },
      });
      expect(JSON.parse(sampled.stdout).sort()).toEqual([
        'early',
        'pipeline import',
        'process store',
        'step download',
        'step load',
      ]);
      expect(failedSteps(cwd)).toEqual(FAILED_STEPS);
      await rm(join(cwd, '.runledger'), { recursive: true });
      const dropped = await run(node, ['--import', register, program], { cwd, env });
      expect(JSON.parse(dropped.stdout)).toEqual([]);
      expect(failedSteps(cwd)).toEqual(FAILED_STEPS);
    });

    it('recognises spans of other libraries, and exceptions in their log records', async () => {
      const register = join(folder, 'node_modules', 'runledger', 'dist', 'register.js');
      const env = {
        OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: 'logs',
        OTEL_TRACES_SAMPLER: 'always_off',
        RUNLEDGER_DRAIN_ON_EXIT: 'true',
      };
      const { stdout, stderr } = await run(node, ['--import', register, join(folder, 'foreign.mjs')], {
        cwd,
        env,
      });
      expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
      expect(rows(cwd, 'kind, name, error')).toEqual([
        { kind: 'pipeline', name: 'clerk', error: 'TypeError: customer is undefined' },
        { kind: 'step', name: 'look_up', error: 'TypeError: customer is undefined' },
      ]);
    });

    it.each([
      ['--import', 'application.mjs'],
      ['--import', 'application.cjs'],
      ['-r', 'application.mjs'],
      ['-r', 'application.cjs'],
    ])('records an application that knows nothing of it: %s %s', async (flag, program) => {
      const receiver = await startOtlpReceiver();
      const register = join(folder, 'node_modules', 'runledger', 'dist', 'register.js');
      const { stdout, stderr } = await run(node, [flag, register, join(folder, program)], {
        cwd,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      });
      await receiver.close();
      expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
      expect([...receiver.spanNames].sort()).toEqual([
        'pipeline import',
        'process store',
        'step download',
        'step load',
      ]);
      expect(receiver.metricNames).toContain('runledger.execution.duration');
      expect(failedSteps(cwd)).toEqual(FAILED_STEPS);
    });
  });
});

const FAILED_STEPS = [
  { name: 'download', outcome: 'success', failed_step: null },
  { name: 'import', outcome: 'failure', failed_step: 'load' },
  { name: 'load', outcome: 'failure', failed_step: null },
  { name: 'store', outcome: 'failure', failed_step: 'load' },
];

function failedSteps(cwd: string): readonly object[] {
  return rows(cwd, 'name, outcome, failed_step');
}

function rows(cwd: string, columns: string): readonly object[] {
  const ledger = join(cwd, '.runledger', 'ledger.db');
  storeLeftovers(ledger);
  const database = new DatabaseSync(ledger, { readOnly: true });
  const found = database.prepare(`select ${columns} from execution_records order by name`).all();
  database.close();
  return found.map((row) => ({ ...row }));
}

/** A file with those of the package it imports, and those they import. */
function filesLoadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, imported] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) .*from "(\.[^"]+)";$/gm,
  )) {
    if (imported !== undefined) filesLoadedBy(join(file, '..', imported), seen);
  }
  return seen;
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

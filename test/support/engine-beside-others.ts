import { cp, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createEngineApplication,
  type EngineApplication,
  LANES,
  type RecordedRow,
} from './engine-application.ts';
import type { ConformanceServer } from './engine-conformance.ts';
import { INSTALL_MILLIS } from './fixture-project.ts';
import type { ProgramEnd } from './program.ts';
import type { TestServer } from './server-process.ts';

/** What an engine is run with beside others that look after it. */
export interface EngineBesideOthers {
  readonly engine: string;
  /** Scenarios of its programs whose runs are the same each time. */
  readonly scenarios: readonly string[];
  /** What another vendor would wrap: `PgBoss.prototype.work`, `schedule`. */
  readonly wraps: readonly string[];
  readonly server?: ConformanceServer;
  /** What a program needs to work by itself: a schema of its own. It is given a number. */
  readonly surroundings?: (run: number) => Readonly<Record<string, string>>;
}

const VENDOR = fileURLToPath(new URL('other-vendor.mjs', import.meta.url));
const QUIET = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };

/**
 * Runs an engine's application where there are two of something: another vendor's instrumentation of the same engine, that
 * was there before or comes after, and another copy of the engine. Each run is on record once, as it is without, and
 * the application behaves as it does without.
 */
export function describeBesideOthers({
  engine,
  scenarios,
  wraps,
  server,
  surroundings,
}: EngineBesideOthers): void {
  (server?.isInstalled === false ? describe.skip : describe)(`${engine}, beside others`, () => {
    let application: EngineApplication;
    let started: TestServer | undefined;
    let runs = 0;

    beforeAll(async () => {
      const [newest] = LANES;
      if (newest === undefined) throw new Error('there is no lane');
      application = await createEngineApplication(engine, newest);
      await cp(VENDOR, join(application.path, 'other-vendor.mjs'));
      started = await server?.start();
    }, INSTALL_MILLIS);
    afterAll(async () => {
      await application?.remove();
      await started?.dispose();
    });

    /** Runs a program with what is to be imported before it, and says what was added to the ledger. */
    const run = async (program: string, imports: readonly string[]): Promise<Seen> => {
      const before = new Set(application.rows().map(({ record_id }) => record_id));
      const calls = `calls-${++runs}.txt`;
      const end = await application.run(program, {
        args: scenarios,
        plain: true,
        node: imports.flatMap((file) => ['--import', file]),
        env: {
          ...QUIET,
          ...(started === undefined ? {} : server?.environment(started)),
          ...surroundings?.(runs),
          OTHER_VENDOR_OF: engine,
          OTHER_VENDOR_WRAPS: wraps.join(', '),
          OTHER_VENDOR_FILE: calls,
        },
      });
      const rows = application.rows().filter(({ record_id }) => !before.has(record_id));
      const called = await readFile(join(application.path, calls), 'utf8').catch(() => '');
      return {
        end,
        rows: described(rows),
        called: new Set(called.split('\n').filter((line) => line !== '')),
      };
    };
    const register = () => join(application.path, 'node_modules', 'runledger', 'dist', 'register.js');
    const vendor = () => join(application.path, 'other-vendor.mjs');

    describe.each(['application.mjs', 'application.cjs'])('in %s', (program) => {
      let alone: Seen;
      beforeAll(async () => {
        alone = await run(program, [register()]);
        expect(alone.rows).not.toEqual([]);
      }, INSTALL_MILLIS);

      it.each([
        ['before', () => [vendor(), register()]],
        ['after', () => [register(), vendor()]],
      ])(
        "records each run once where another vendor's instrumentation was loaded %s",
        async (_, imports) => {
          const seen = await run(program, imports());
          expect([...seen.called]).toEqual(expect.arrayContaining([...wraps]));
          expect(seen.rows).toEqual(alone.rows);
          expect(seen.end).toEqual(alone.end);
        },
        INSTALL_MILLIS,
      );
    });

    it(
      'records each run once where a dependency brought a copy of its own',
      async () => {
        const alone = await run('application.mjs', [register()]);
        await addDependency(application.path, engine);
        const seen = await run('two-copies.mjs', [register()]);
        expect(seen.rows).toEqual([...alone.rows, ...alone.rows].sort());
        expect(seen.end).toEqual({ ...alone.end, stdout: alone.end.stdout + alone.end.stdout });
      },
      INSTALL_MILLIS,
    );
  });
}

interface Seen {
  readonly end: ProgramEnd;
  readonly rows: readonly string[];
  /** What the other vendor saw. */
  readonly called: ReadonlySet<string>;
}

function described(rows: readonly RecordedRow[]): readonly string[] {
  return rows
    .map(
      ({ parent, kind, name, attempt, outcome }) =>
        `${parent ?? ''} > ${kind} ${name} #${attempt}: ${outcome}`,
    )
    .sort();
}

/** A package that does what the application does, with a copy of the engine that is its own; and a program that runs both. */
async function addDependency(application: string, engine: string): Promise<void> {
  const modules = join(application, 'node_modules');
  const dependency = join(modules, 'dependency');
  await mkdir(join(dependency, 'node_modules'), { recursive: true });
  const own = await realpath(join(modules, engine));
  await cp(own, join(dependency, 'node_modules', engine), { recursive: true });
  for (const file of ['application.mjs', 'scenarios.cjs'])
    await cp(join(application, file), join(dependency, file));
  await writeFile(
    join(application, 'two-copies.mjs'),
    "await import('./application.mjs');\nawait import('./node_modules/dependency/application.mjs');\n",
  );
}

import { cp, mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
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
  /** The package that is instrumented, and of which there are two copies. @default as the engine */
  readonly package?: string;
  /** @default its applications, as ES module and as CommonJS */
  readonly programs?: readonly [string, ...string[]];
  /** Scenarios of its programs whose runs are the same each time. */
  readonly scenarios: readonly string[];
  /** What another vendor would wrap, `PgBoss.prototype.work`, `schedule`, or listen to, `channel <name>`. All of it is called. */
  readonly wraps: readonly string[];
  /** What it wraps beside that, though these scenarios do not come to it. */
  readonly alsoWraps?: readonly string[];
  /** Whether that vendor also wraps what the engine is given to call. */
  readonly wrapsCallbacks?: boolean;
  /** The scope of spans that are made of the same work, and the program in which they are. */
  readonly spans?: { readonly scope: string; readonly program: string };
  readonly server?: ConformanceServer;
  readonly env?: Readonly<Record<string, string>>;
  /** What a program needs to work by itself: a schema of its own. It is given a number. */
  readonly surroundings?: (run: number) => Readonly<Record<string, string>>;
}

const SHARED = [new URL('other-vendor.mjs', import.meta.url), new URL('two-copies.mjs', import.meta.url)].map(
  (url) => fileURLToPath(url),
);
const QUIET = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };
/** The SDK prints the spans of everybody. */
const PRINTED = { OTEL_TRACES_EXPORTER: 'console' };

/**
 * Runs an engine's programs where there are two of something: another vendor's instrumentation of the same engine, that
 * was there before or comes after, another copy of the engine, and spans that another library makes of the same work. Each
 * run is on record once, as it is without, and the program behaves as it does without.
 */
export function describeBesideOthers({
  engine,
  package: instrumented = engine,
  programs = ['application.mjs', 'application.cjs'],
  scenarios,
  wraps,
  alsoWraps = [],
  wrapsCallbacks = false,
  spans,
  server,
  env,
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
      for (const file of SHARED) await cp(file, join(application.path, basename(file)));
      started = await server?.start();
    }, INSTALL_MILLIS);
    afterAll(async () => {
      await application?.remove();
      await started?.dispose();
    });

    /** Runs a program with what is to be imported before it, and says what was added to the ledger. */
    const run = async (program: string, imports: readonly string[], more = {}): Promise<Seen> => {
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
          ...env,
          ...more,
          OTHER_VENDOR_OF: instrumented,
          OTHER_VENDOR_WRAPS: [...wraps, ...alsoWraps].join(', '),
          ...(wrapsCallbacks && { OTHER_VENDOR_CALLBACKS: 'true' }),
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
    const runAlone = async (program: string): Promise<Seen> => {
      const alone = await run(program, [register()]);
      expect(alone.rows).not.toEqual([]);
      expect(alone.end).toMatchObject({ exitCode: 0, stderr: '' });
      return alone;
    };

    describe.each(programs)('in %s', (program) => {
      let alone: Seen;
      beforeAll(async () => {
        alone = await runAlone(program);
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
        const [program] = programs;
        const alone = await runAlone(program);
        await addDependency(application.path, instrumented);
        const copies = { TWO_COPIES_OF: instrumented, TWO_COPIES_PROGRAM: program };
        const seen = await run('two-copies.mjs', [register()], copies);
        expect(seen.rows).toEqual([...alone.rows, ...alone.rows].sort());
        expect(seen.end).toEqual((await run('two-copies.mjs', [], copies)).end);
      },
      INSTALL_MILLIS,
    );

    if (spans === undefined) return;
    it(
      `records each run once where ${spans.scope} has spans of the same`,
      async () => {
        const alone = await runAlone(programs[0]);
        const seen = await run(spans.program, [register()], PRINTED);
        expect(seen.end).toMatchObject({ exitCode: 0, stderr: '' });
        expect(withoutBreaks(seen.end.stdout)).toContain(`instrumentationScope: { name: '${spans.scope}'`);
        expect(seen.rows).toEqual(alone.rows);
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
      ({ parent, kind, name, attempt, outcome, failed_step }) =>
        `${parent ?? ''} > ${kind} ${name} #${attempt}: ${outcome} ${failed_step ?? ''}`,
    )
    .sort();
}

/** A package that does what the application does, with a copy of the engine that is its own. */
async function addDependency(application: string, engine: string): Promise<void> {
  const modules = join(application, 'node_modules');
  const dependency = join(modules, 'dependency');
  await mkdir(join(dependency, 'node_modules'), { recursive: true });
  const own = await realpath(join(modules, engine));
  await cp(own, join(dependency, 'node_modules', engine), { recursive: true, dereference: true });
  for (const file of await readdir(application)) {
    if (/\.[mc]js$/.test(file)) await cp(join(application, file), join(dependency, file));
  }
}

/** What is printed of an object is one line or several. */
function withoutBreaks(text: string): string {
  return text.replace(/\s+/g, ' ');
}

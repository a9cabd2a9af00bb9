import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEngineApplication, type EngineApplication, LANES } from '../support/engine-application.ts';
import { INSTALL_MILLIS } from '../support/fixture-project.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { ProgramOptions } from '../support/program.ts';
import type { TestServer } from '../support/server-process.ts';

interface Doubled {
  readonly engine: string;
  /** The package there are two copies of. */
  readonly copied: string;
  /** What another vendor instruments: methods of a package, `<package> <Class>.<method> …`, or `channel <name>`. */
  readonly instrumented: string;
  /** The scope of spans that are made of the same work, and the program in which they are. */
  readonly spans?: { readonly scope: string; readonly program: string };
  readonly env?: Readonly<Record<string, string>>;
  /** It works on PostgreSQL. */
  readonly onPostgres?: boolean;
}

const ENGINES: readonly Doubled[] = [
  { engine: 'listr2', copied: 'listr2', instrumented: 'listr2 Listr.run Listr.runTask' },
  {
    engine: 'medusa',
    copied: '@medusajs/orchestration',
    instrumented: '@medusajs/orchestration TransactionOrchestrator.executeNext LocalWorkflow.run',
  },
  {
    engine: 'inngest',
    copied: 'inngest',
    instrumented: 'inngest InngestCommHandler.createHandler InngestCommHandler.handleAsyncRequest',
    spans: { scope: 'inngest', program: 'conformance.mjs' },
  },
  {
    engine: 'langgraph',
    copied: '@langchain/langgraph',
    instrumented:
      '@langchain/langgraph CompiledStateGraph._streamIterator CompiledStateGraph._runLoop CompiledStateGraph.invoke',
    spans: { scope: '@arizeai/openinference-instrumentation-langchain', program: 'spans.mjs' },
  },
  {
    engine: 'ai-sdk',
    copied: 'ai',
    instrumented: 'channel ai:telemetry',
    spans: { scope: 'gen_ai', program: 'spans.mjs' },
  },
  {
    engine: 'openai-agents',
    copied: '@openai/agents-core',
    instrumented: '@openai/agents-core Trace.start Trace.end Span.start Span.end Runner.run RunState.toJSON',
    spans: { scope: '@arizeai/openinference-instrumentation-openai-agents', program: 'spans.mjs' },
    // In tests the SDK traces nothing.
    env: { NODE_ENV: 'production' },
  },
  {
    engine: 'agenda',
    copied: 'agenda',
    instrumented: 'agenda Job.run Job.runJob Job.fail Agenda.now',
    onPostgres: true,
  },
];

const SHARED = fileURLToPath(new URL('two-of-everything/', import.meta.url));
/** The SDK prints the spans of everybody. */
const PRINTED = { OTEL_TRACES_EXPORTER: 'console' };
/** A run that succeeds in part and fails; each of its executions is told of once, or too often. */
const SCENARIO = 'failure';

describe.each(ENGINES)('$engine', ({ engine, copied, instrumented, spans, env, onPostgres = false }) => {
  const isSkipped = onPostgres && !hasPostgres;
  let postgres: TestServer | undefined;
  let application: EngineApplication;
  let alone: readonly string[];

  beforeAll(async () => {
    const [newest] = LANES;
    if (newest === undefined || isSkipped) return;
    application = await createEngineApplication(engine, newest);
    for (const file of await readdir(SHARED)) await cp(join(SHARED, file), join(application.path, file));
    if (onPostgres) postgres = await startPostgres();
    alone = await executionsOf('conformance.mjs');
  }, INSTALL_MILLIS);
  afterAll(async () => {
    await application?.remove();
    await postgres?.dispose();
  });

  /** What a program adds to the ledger; it has to end well. */
  async function executionsOf(
    program: string,
    options: ProgramOptions = {},
    printed = '',
  ): Promise<string[]> {
    const before = new Set(application.rows().map(({ record_id }) => record_id));
    const end = await application.run(program, {
      ...options,
      args: [SCENARIO],
      env: { ...env, ENGINE: copied, ...(postgres && { DATABASE_URL: postgres.url }), ...options.env },
    });
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    expect(withoutBreaks(end.stdout).includes(printed)).toBe(true);
    return application
      .rows()
      .filter(({ record_id }) => !before.has(record_id))
      .map(
        ({ kind, name, attempt, outcome, failed_step, parent }) =>
          `${parent ?? ''} > ${kind} ${name} #${attempt}: ${outcome} ${failed_step ?? ''}`,
      )
      .sort();
  }

  const register = () => join(application.path, 'node_modules', 'runledger', 'dist', 'register.js');
  const vendor = () => join(application.path, 'vendor.mjs');
  const isTested = isSkipped ? it.skip : it;

  isTested(
    'is counted once in each of two copies of it',
    async () => {
      const other = join(application.path, 'other');
      await mkdir(join(other, 'node_modules'), { recursive: true });
      const installed = join(application.path, 'node_modules', copied);
      await cp(installed, join(other, 'node_modules', copied), { recursive: true, dereference: true });
      for (const file of await readdir(application.path)) {
        if (/\.[mc]js$/.test(file)) await cp(join(application.path, file), join(other, file));
      }
      expect(alone).not.toEqual([]);
      expect(await executionsOf('both.mjs')).toEqual([...alone, ...alone].sort());
    },
    INSTALL_MILLIS,
  );

  isTested.each(['before', 'after'])(
    'is counted once beside the instrumentation of another vendor that is loaded %s ours',
    async (order) => {
      const files = order === 'before' ? [vendor(), register()] : [register(), vendor()];
      const node = files.flatMap((file) => ['--import', file]);
      const options = { node, plain: true, env: { ...PRINTED, VENDOR: instrumented } };
      expect(await executionsOf('conformance.mjs', options, "name: 'vendor ")).toEqual(alone);
    },
    60_000,
  );

  if (spans === undefined) return;
  isTested(
    `is counted once where ${spans.scope} has spans of the same`,
    async () => {
      const printed = `instrumentationScope: { name: '${spans.scope}'`;
      expect(await executionsOf(spans.program, { env: PRINTED }, printed)).toEqual(alone);
    },
    60_000,
  );
});

/** What is printed of an object is one line or several. */
function withoutBreaks(text: string): string {
  return text.replace(/\s+/g, ' ');
}

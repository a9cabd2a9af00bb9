import { defineConfig } from 'rolldown';
import { ENGINE_NAMES } from './src/engines.ts';

// One module in the source is one idea; one file in the package is one thing to find, open and compile at the start of
// an application. So the modules are put together, and nothing else happens to the code: names and lines stay as
// they are, for whoever follows a stack trace into the package. Comments are in the types and in the repository. What runs in a thread or a process of its own shares no
// instance with the rest and is built apart, so that it loads no more than it needs.

/**
 * @param {Record<string, string>} input Files of `dist`, without extension, and the modules they begin with.
 * @param {import('rolldown').CodeSplittingOptions} [codeSplitting] Which modules that several of them share are one file.
 * @returns {import('rolldown').RolldownOptions}
 */
const build = (input, codeSplitting) => ({
  input,
  platform: 'node',
  external: /^(?:node:|@?[a-z])/,
  // Packages are not known to be free of side effects, but none is imported for them.
  treeshake: { moduleSideEffects: [{ external: true, sideEffects: false }] },
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    // Directly below `dist`: see src/own-files.ts.
    chunkFileNames: '[name]-[hash].js',
    ...(codeSplitting !== undefined && { codeSplitting }),
    minify: false,
    comments: false,
    minifyInternalExports: false,
  },
});

/** Each engine's adapter is loaded with the engine. */
const ENGINES = Object.fromEntries(
  ENGINE_NAMES.map((name) => [`instrumentation/engines/${name}`, `src/instrumentation/engines/${name}.ts`]),
);

/** What all have, and what all but `sql` have: no program opens a file for the sake of another entry. */
const SHARED = {
  groups: [
    {
      name: 'ledger',
      test: /src\/store\/sql\/(?:ledger-reader|sql-ledger-reader|migrations|ledger-schema|database|views)\.ts$/,
      priority: 0,
    },
    {
      name: 'records',
      test: /src\/(?!store\/sql\/|lifecycle\/|instrumentation\/)/,
      minShareCount: 4,
      priority: 2,
    },
    { name: 'runledger', test: /src\/(?!store\/sql\/)/, minShareCount: 2, priority: 1 },
  ],
};

export default defineConfig([
  build(
    {
      index: 'src/index.ts',
      register: 'src/register.ts',
      sql: 'src/sql.ts',
      testing: 'src/testing.ts',
      ...ENGINES,
    },
    SHARED,
  ),
  build({ 'store/sql/sqlite-worker': 'src/store/sql/sqlite-worker.ts' }),
  build({ cli: 'src/cli/main.ts' }),
  build({ 'cli/doctor/probe': 'src/cli/doctor/probe.ts' }),
]);

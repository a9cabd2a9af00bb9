// Runs listr2's own test-suite against the published package, as it is and instrumented, and compares. The suite is not
// in that package, so this takes a checkout and is not part of `npm test`:
//
//   git clone https://github.com/listr2/listr2
//   npm run build && node test/engines/listr2/own-suite.ts listr2 11.4.0
//
// It ends with 1 where a test passes without Runledger and not with it.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const [, , checkout = '', version = 'latest'] = process.argv;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'runledger-listr2-suite-'));
const modules = join(folder, 'node_modules');

/** What the suite imports in place of its sources: the package as npm has it, or the same, instrumented. */
const ENTRIES = {
  plain: "export * from 'listr2';\n",
  instrumented: `import * as listr2 from 'listr2';
import { instrument } from 'runledger';
import { recordInProcess } from 'runledger/testing';
recordInProcess().start();
instrument(listr2);
export * from 'listr2';
`,
};

function run(command: string, args: readonly string[]): void {
  spawnSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Names of the tests that passed, and of all. */
function suite(entry: keyof typeof ENTRIES): { readonly passed: ReadonlySet<string>; readonly all: number } {
  writeFileSync(join(folder, 'entry.mjs'), ENTRIES[entry]);
  const report = join(folder, `${entry}.json`);
  const jest = join(modules, 'jest', 'bin', 'jest.js');
  run(process.execPath, [
    ...['--no-warnings', '--experimental-vm-modules', jest, '--ci', '--silent', '--json'],
    `--outputFile=${report}`,
  ]);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  // Tests in a loop may share a name.
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }, at) => ({ name: `${name} ${at} ${fullName}`, status })),
  );
  return {
    passed: new Set(tests.filter(({ status }) => status === 'passed').map(({ name }) => name)),
    all: tests.length,
  };
}

cpSync(resolve(checkout, 'packages', 'listr2', 'tests'), join(folder, 'tests'), { recursive: true });
writeFileSync(
  join(folder, 'transform.mjs'),
  "import { stripTypeScriptTypes } from 'node:module';\nexport default { process: (source) => ({ code: stripTypeScriptTypes(source, { mode: 'transform' }) }) };\n",
);
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
writeFileSync(
  join(folder, 'jest.config.json'),
  JSON.stringify({
    testEnvironment: 'node',
    setupFiles: ['<rootDir>/tests/jest.setup.ts'],
    testRegex: 'e2e-spec.ts$',
    extensionsToTreatAsEsm: ['.ts'],
    moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json'],
    transform: { '\\.ts$': '<rootDir>/transform.mjs' },
    moduleNameMapper: {
      '^@tests/utils$': '<rootDir>/tests/utils/index.ts',
      '^@(root|constants|interfaces|utils)$': '<rootDir>/entry.mjs',
    },
  }),
);
const packages = [
  'jest@30',
  'rxjs',
  'zen-observable',
  'jest-mock-process',
  '@opentelemetry/api',
  '@opentelemetry/sdk-node',
];
run('npm', ['install', '--no-audit', '--no-fund', '--legacy-peer-deps', `listr2@${version}`, ...packages]);
symlinkSync(join(ROOT, 'node_modules', 'kysely'), join(modules, 'kysely'));
cpSync(join(ROOT, 'package.json'), join(modules, 'runledger', 'package.json'));
cpSync(join(ROOT, 'dist'), join(modules, 'runledger', 'dist'), { recursive: true });

const plain = suite('plain');
const instrumented = suite('instrumented');
const broken = [...plain.passed].filter((name) => !instrumented.passed.has(name));
process.stdout.write(
  `${plain.passed.size} of ${plain.all} pass as it is, ${instrumented.passed.size} instrumented\n${broken.join('\n')}`,
);
rmSync(folder, { recursive: true });
process.exitCode = broken.length === 0 && plain.passed.size > 0 ? 0 : 1;

// Runs BullMQ's own test-suite, as it is on Redis, against the published package, as it is and instrumented, and compares.
// The suite is not in that package, so this takes a checkout, its version, and 20 minutes; it is not part of `npm test`:
//
//   git clone https://github.com/taskforcesh/bullmq
//   npm run build && node test/engines/bullmq/own-suite.ts bullmq 6.2.0
//
// Names of files that follow are those that are run, instead of all. It ends with 1 where a test passes without Runledger
// and not with it. Some of the suite go by the clock: such a test may fail once and pass the next time.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRedis } from '../../support/redis-server.ts';

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const [, , checkout = '', version = 'latest', ...files] = process.argv;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'runledger-bullmq-suite-'));
const modules = join(folder, 'node_modules');

/** What is loaded before each file of the suite. */
const SETUPS = {
  plain: '',
  instrumented: `import bullmq from 'bullmq';
import { instrument } from 'runledger';
import { recordInProcess } from 'runledger/testing';
recordInProcess().start();
instrument(bullmq);
`,
};

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  spawnSync(command, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
}

/** Names of the tests that passed, and of all, on a Redis of their own. */
async function suite(
  setup: keyof typeof SETUPS,
): Promise<{ readonly passed: ReadonlySet<string>; readonly all: number }> {
  writeFileSync(join(folder, 'before.mjs'), SETUPS[setup]);
  const report = join(folder, `${setup}.json`);
  const redis = await startRedis();
  const vitest = join(modules, 'vitest', 'vitest.mjs');
  const options = ['--config', 'suite.config.ts', '--no-file-parallelism', '--reporter=json'];
  run(process.execPath, [vitest, 'run', ...options, `--outputFile=${report}`, ...files], {
    REDIS_PORT: String(redis.port),
    VITE_CONFIG_NATIVE_IGNORE_WARNING: 'true',
  });
  await redis.dispose();
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  // Tests in a loop may share a name.
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }, at) => ({ name: `${name} ${at} ${fullName}`, status })),
  );
  return {
    passed: new Set(tests.filter(({ status }) => status === 'passed').map(({ name }) => name)),
    all: tests.filter(({ status }) => status === 'passed' || status === 'failed').length,
  };
}

for (const part of ['tests', 'vitest.setup.ts', 'vitest.config.ts'])
  cpSync(resolve(checkout, part), join(folder, part), { recursive: true });
writeFileSync(
  join(folder, 'suite.config.ts'),
  `import { mergeConfig } from 'vitest/config';
import own from './vitest.config';
export default mergeConfig(own, { test: { setupFiles: ['./before.mjs'] } });
`,
);
writeFileSync(join(folder, 'package.json'), '{}');
const packages = [
  ...['vitest@4', 'sinon', 'moment', 'ioredis@5', 'redis', 'pg'],
  ...['@opentelemetry/api', '@opentelemetry/sdk-node'],
];
run('npm', ['install', '--no-audit', '--no-fund', '--legacy-peer-deps', `bullmq@${version}`, ...packages]);
// In place of its sources the suite gets what was published of them.
symlinkSync(join(modules, 'bullmq', 'dist', 'cjs'), join(folder, 'src'));
symlinkSync(join(modules, 'bullmq', 'dist'), join(folder, 'dist'));
symlinkSync(join(ROOT, 'node_modules', 'kysely'), join(modules, 'kysely'));
cpSync(join(ROOT, 'package.json'), join(modules, 'runledger', 'package.json'));
cpSync(join(ROOT, 'dist'), join(modules, 'runledger', 'dist'), { recursive: true });

const plain = await suite('plain');
const instrumented = await suite('instrumented');
const broken = [...plain.passed].filter((name) => !instrumented.passed.has(name));
process.stdout.write(
  `${plain.passed.size} of ${plain.all} pass as it is, ${instrumented.passed.size} instrumented\n${broken.join('\n')}`,
);
rmSync(folder, { recursive: true });
process.exitCode = broken.length === 0 && plain.passed.size > 0 ? 0 : 1;

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Suite } from './measure.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** How often a start is repeated for one figure. */
const STARTS = 7;

export const suite: Suite = {
  title: 'Start-up, wall clock',
  variants: {
    import: async () => ({ ms: fastestOf({ import: ['import.mjs'] }).import }),
    register: async () => {
      const { imported, required, register } = fastestOf({
        imported: ['--import', './imported.mjs', '--eval', '0'],
        required: ['--require', './required.cjs', '--eval', '0'],
        register: ['--import', 'runledger/register', '--eval', '0'],
      });
      return {
        imported,
        required,
        register,
        overImported: register - imported,
        overRequired: register - required,
      };
    },
  },
  comparisons: [
    {
      what: 'import of runledger, api already loaded',
      figure: 'ms',
      of: 'import',
      goal: { atMost: 15 },
      unit: 'ms',
    },
    {
      what: 'register beside a NodeSDK set up by a module',
      figure: 'overImported',
      of: 'register',
      goal: { atMost: 20 },
      unit: 'ms',
    },
    {
      what: 'register beside a NodeSDK set up by CommonJS',
      figure: 'overRequired',
      of: 'register',
      goal: { atMost: 20 },
      unit: 'ms',
    },
  ],
};

// Nothing is exported, as with `register` where the environment names no destination.
const SET_UP = 'new NodeSDK({ spanProcessors: [], metricReaders: [], logRecordProcessors: [] }).start();';

const FILES = {
  'import.mjs': `await import('@opentelemetry/api');
const before = performance.now();
await import('runledger');
process.stdout.write(String(performance.now() - before));`,
  'imported.mjs': `import { NodeSDK } from '@opentelemetry/sdk-node';\n${SET_UP}`,
  'required.cjs': `const { NodeSDK } = require('@opentelemetry/sdk-node');\n${SET_UP}`,
};

/**
 * Starts Node.js with each list of arguments in turn, again and again. The fastest of each counts, since whatever else
 * runs on the machine can only slow a start down. A time is what the program prints, else that of the whole process.
 */
function fastestOf<Name extends string>(
  starts: Readonly<Record<Name, readonly string[]>>,
): Record<Name, number> {
  const names = Object.keys(starts) as Name[];
  const fastest = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<
    Name,
    number
  >;
  const folder = mkdtempSync(join(root, 'bench', '.start-up-'));
  try {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    for (let round = 0; round < STARTS; round++) {
      for (const name of names) fastest[name] = Math.min(fastest[name], timeOf(starts[name], folder));
    }
    return fastest;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function timeOf(args: readonly string[], cwd: string): number {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(OTEL_|RUNLEDGER_|NODE_)/.test(name));
  const env = { ...Object.fromEntries(inherited), RUNLEDGER_DIR: join(tmpdir(), 'runledger-bench') };
  const before = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' });
  const took = performance.now() - before;
  if (status !== 0 || stderr !== '') throw new Error(`start-up failed: ${stderr}`);
  return stdout === '' ? took : Number(stdout);
}

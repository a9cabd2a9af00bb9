import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Sample, Suite } from './measure.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

export const suite: Suite = {
  title: 'Start-up, wall clock',
  variants: {
    import: async () => {
      await import('@opentelemetry/api');
      const started = performance.now();
      await import('runledger');
      return { ms: performance.now() - started };
    },
    'NodeSDK alone': () => started(SDK_ALONE),
    register: () => started("import 'runledger/register';"),
    difference: async () => {
      const alone = await started(SDK_ALONE);
      const registered = await started("import 'runledger/register';");
      return { ms: (registered.ms ?? Number.NaN) - (alone.ms ?? Number.NaN) };
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
      what: "what register adds to NodeSDK's own start",
      figure: 'ms',
      of: 'difference',
      goal: { atMost: 20 },
      unit: 'ms',
    },
  ],
};

const SDK_ALONE =
  "import { NodeSDK } from '@opentelemetry/sdk-node'; new NodeSDK({ traceExporter: undefined }).start();";

/** Whole-process time of an empty program behind `--import`, the fastest of five. */
async function started(setUp: string): Promise<Sample> {
  const folder = mkdtempSync(join(root, 'bench', '.start-up-'));
  try {
    const file = join(folder, 'set-up.mjs');
    writeFileSync(file, setUp);
    const times = Array.from({ length: 5 }, () => {
      const before = performance.now();
      const { status, stderr } = spawnSync(
        process.execPath,
        ['--import', pathToFileURL(file).href, '--eval', '0'],
        {
          cwd: folder,
          env: {
            ...process.env,
            OTEL_TRACES_EXPORTER: 'none',
            RUNLEDGER_DIR: join(tmpdir(), 'runledger-bench'),
          },
        },
      );
      if (status !== 0) throw new Error(`start-up failed: ${stderr}`);
      return performance.now() - before;
    });
    return { ms: Math.min(...times) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An installation takes minutes at most; a lock older than this was left by a process that was killed. */
const STALE_MILLIS = 600_000;

/** How long a hook that installs a fixture may take. */
export const INSTALL_MILLIS = 300_000;

/** Installs a fixture project as its lock file says, where that is not done yet. Several processes may ask at once. */
export async function installFixture(folder: string): Promise<void> {
  const lock = join(folder, '.installing');
  for (;;) {
    if (isInstalled(folder) && !existsSync(lock)) return;
    try {
      await mkdir(lock);
      break;
    } catch {
      const age = await stat(lock).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > STALE_MILLIS) await rm(lock, { recursive: true, force: true });
      await sleep(200);
    }
  }
  try {
    if (!isInstalled(folder)) await npm(['ci', '--prefer-offline'], folder);
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

function isInstalled(folder: string): boolean {
  const done = join(folder, 'node_modules', '.package-lock.json');
  return existsSync(done) && statSync(done).mtimeMs >= statSync(join(folder, 'package-lock.json')).mtimeMs;
}

/** Runs the npm that runs these tests, else the one on the path. Resolves to what it prints. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { npm_execpath: cli } = process.env;
  const options = { cwd, maxBuffer: 2 ** 24 };
  const { stdout } =
    cli === undefined
      ? await run('npm', args, options)
      : await run(process.execPath, [cli, ...args], options);
  return stdout;
}

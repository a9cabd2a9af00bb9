import { describe, expect, it } from '@jest/globals';
import { createProgramFolder } from '../support/program.ts';

describe('importing runledger', () => {
  it.each(['index.ts', 'register.ts'])('loads no kysely on the way to %s', async (entry) => {
    expect(await packagesLoadedBy(entry, { OTEL_SDK_DISABLED: 'true' })).toEqual(['@opentelemetry/api']);
  });

  it('loads no module of Node.js that is slow to load', async () => {
    const urls = await modulesLoadedBy('index.ts', {});
    const builtins = urls.filter((url) => url.startsWith('node:'));
    expect(builtins).toContain('node:async_hooks');
    for (const slow of ['crypto', 'os', 'util', 'worker_threads']) {
      expect(builtins).not.toContain(`node:${slow}`);
    }
  });

  it('loads the SDK when it is registered, and kysely and SQLite not even then', async () => {
    const packages = await packagesLoadedBy('register.ts', {});
    expect(packages).toContain('@opentelemetry/sdk-node');
    expect(packages).not.toContain('kysely');
    expect(packages).not.toContain('node:sqlite');
  });
});

/** The packages that importing a file of `src` loads into the process's own thread. */
async function packagesLoadedBy(
  entry: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const urls = await modulesLoadedBy(entry, env);
  const packages = urls.map((loaded) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)|^node:sqlite/.exec(loaded));
  return [...new Set(packages.flatMap((match) => match?.[1] ?? match?.[0] ?? []))].sort();
}

/** The URLs of all modules that importing a file of `src` loads into the process's own thread. */
async function modulesLoadedBy(
  entry: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const folder = await createProgramFolder();
  const url = new URL(`../../src/${entry}`, import.meta.url).href;
  const { stdout } = await folder.run('loaded-modules.mjs', { args: [url], env });
  await folder.remove();
  return JSON.parse(stdout);
}

// Prints which modules were loaded to hook others when the process ends.
import { registerHooks } from 'node:module';

const loaded = new Set();
registerHooks({
  load(url, context, nextLoad) {
    const [, name] = /import-in-the-middle\/(create-hook|register-hooks)\.mjs$/.exec(url) ?? [];
    if (name !== undefined) loaded.add(name);
    return nextLoad(url, context);
  },
});
process.on('exit', () => process.stdout.write(`hooks: ${[...loaded].join(', ') || 'none'}\n`));

// Imports and requires the same listr2: both load hooks see it.
import { createRequire } from 'node:module';
import * as imported from 'listr2';

const required = createRequire(import.meta.url)('listr2');
for (const { Listr } of [imported, required]) {
  await new Listr([{ title: 'Task', task: () => {} }], { renderer: 'silent' }).run();
}

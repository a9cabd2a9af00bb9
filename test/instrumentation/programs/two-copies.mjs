// An application that depends on one copy of listr2, and on a package that depends on another.

import { listr2 as other } from 'dependent';
import * as own from 'listr2';

const run = (title, { Listr }) => new Listr([{ title, task: () => {} }], { renderer: 'silent' }).run();
await run('own', own);
await run('other', other);

// A bundle: listr2 is part of the program, so that no load hook sees a package. It is named to Runledger instead.
import * as listr2 from './node_modules/listr2/dist/index.mjs';

const { instrument } = await import(process.env.RUNLEDGER_INDEX);
if (process.argv[2] === 'instrument') {
  instrument(listr2);
  instrument(listr2);
}
const { Listr } = listr2;
await new Listr([{ title: 'Task', task: () => {} }], { renderer: 'silent' }).run();

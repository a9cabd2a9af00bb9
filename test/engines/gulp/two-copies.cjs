// An application in which two packages brought a copy of bach each, and one runs what the other composed.
const first = require('bach');
const second = require('./other/node_modules/bach');

const inner = second.parallel(async function work() {});
const outer = first.series(
  Object.assign((done) => inner(done), { displayName: 'wrapped' }),
  inner,
);
outer((error) => process.stdout.write(`${first === second} ${error}\n`));

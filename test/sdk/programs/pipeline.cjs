// The same as pipeline.mjs in CommonJS, without an `await` at the top.
const { runPipeline } = require('../../../src/index.ts');
const { endAs } = require('./end-as.cjs');

runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.step('load', async () => {
    throw new TypeError('row 7 has no date');
  });
})
  .catch(() => {})
  .then(() => endAs(process.argv[2]));

// Prints how often the process was asked to hook modules.
const module_ = require('node:module');

let count = 0;
const { registerHooks } = module_;
module_.registerHooks = (hooks) => {
  count++;
  return registerHooks(hooks);
};
module_.syncBuiltinESMExports();
process.on('exit', () => process.stdout.write(`registrations: ${count}\n`));

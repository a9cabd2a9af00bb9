const { currentRunledger } = require('../../../src/index.ts');

/** Ends the process in one of the ways a process can end. */
exports.endAs = (end = 'naturally') => {
  if (end === 'handled signal') {
    process.once('SIGTERM', async () => {
      await currentRunledger()?.shutdown();
      process.kill(process.pid, 'SIGTERM');
    });
  }
  process.stdout.write('worked\n');
  if (end === 'exit') process.exit(3);
  if (end === 'exception') {
    setImmediate(() => {
      throw new RangeError('nobody catches this');
    });
  }
  if (end === 'rejection') void Promise.reject(new RangeError('nobody awaits this'));
  // Waits for a signal.
  if (end.endsWith('signal')) setInterval(() => {}, 60_000);
};

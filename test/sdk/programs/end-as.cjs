/** Ends the process in one of the ways a process can end. */
exports.endAs = (end = 'naturally') => {
  process.stdout.write('worked\n');
  if (end === 'exit') process.exit(3);
  if (end === 'exception') {
    setImmediate(() => {
      throw new RangeError('nobody catches this');
    });
  }
  if (end === 'rejection') void Promise.reject(new RangeError('nobody awaits this'));
  // Waits for a signal.
  if (end === 'signal') setInterval(() => {}, 60_000);
};

// A task that is a file, and fails.
exports.task = () => {
  throw new TypeError('no such bucket');
};

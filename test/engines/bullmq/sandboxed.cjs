// A processor in a process of its own.
module.exports = async (job) => {
  if (job.name === 'bad') throw new TypeError('bad input');
  return 'sandboxed';
};

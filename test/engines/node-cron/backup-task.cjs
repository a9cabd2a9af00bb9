// A task that is a file: a process of its own runs it.
exports.task = () => 'saved';

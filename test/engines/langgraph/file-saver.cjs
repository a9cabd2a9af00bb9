// Threads in a file: what a process asks, another one answers.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { deserialize, serialize } = require('node:v8');

exports.fileSaver = (MemorySaver, path) => {
  class FileSaver extends MemorySaver {
    constructor() {
      super();
      if (existsSync(path)) Object.assign(this, deserialize(readFileSync(path)));
    }
    async put(...args) {
      return this.save(await super.put(...args));
    }
    async putWrites(...args) {
      return this.save(await super.putWrites(...args));
    }
    save(result) {
      const { storage, writes } = this;
      writeFileSync(path, serialize({ storage, writes }));
      return result;
    }
  }
  return new FileSaver();
};

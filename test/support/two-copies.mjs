// Has the program that TWO_COPIES_PROGRAM names run, and then the one of a dependency that has a copy of the engine,
// TWO_COPIES_OF, of its own.
import { findPackageJSON } from 'node:module';

const { TWO_COPIES_OF: engine, TWO_COPIES_PROGRAM: program } = process.env;
const own = new URL(program, import.meta.url).href;
const dependency = new URL(`node_modules/dependency/${program}`, import.meta.url).href;
const isOne = findPackageJSON(engine, own) === findPackageJSON(engine, dependency);
if (isOne) throw new Error(`there is one copy of ${engine}`);

// A program may end its process, which here are two programs.
const { exit } = process;
let isOver = false;
process.exit = () => {
  isOver = true;
};
await import(own);
await import(dependency);
if (isOver) exit.call(process);

// Has a program of the conformance kit do its scenario, and then a copy of it that has a copy of the engine.
import { findPackageJSON } from 'node:module';

const { ENGINE: engine } = process.env;
const here = import.meta.url;
const copy = new URL('./other/conformance.mjs', here).href;
const isOne = findPackageJSON(engine, here) === findPackageJSON(engine, copy);
if (isOne) throw new Error(`there is one copy of ${engine}`);

// A program may end its process, which here are two programs.
const { exit } = process;
process.exit = () => {};
await import('./conformance.mjs');
await import(copy);
exit.call(process);

/** Runs one variant of one suite and prints what it measured: `node variant.ts <suite file> <variant>`. */
import type { Suite } from './measure.ts';

const [file, name] = process.argv.slice(2);
const { suite } = (await import(`./${file}`)) as { suite: Suite };
const variant = suite.variants[name ?? ''];
if (variant === undefined) throw new Error(`no variant ${name} in ${file}: ${Object.keys(suite.variants)}`);
process.stdout.write(`${JSON.stringify(await variant())}\n`, () => process.exit(0));

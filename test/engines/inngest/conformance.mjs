// A program in which Inngest does what one scenario of the conformance kit asks; `begin` and `ship` are the processes of
// the one that takes two.
import { Inngest } from 'inngest';
import { serve } from 'inngest/edge';
import { conformanceScenario } from 'runledger/testing';
import { execute, newRun } from './executor.cjs';

const [, , part, state] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { name, work } = conformanceScenario(id);
const client = new Inngest({
  id: 'app',
  isDev: true,
  logger: { info() {}, warn() {}, error() {}, debug() {} },
});
const units = Object.entries(work).filter(([, run]) => typeof run === 'function');

const oneByOne = async ({ step }) => {
  for (const [unit, run] of units) await step.run(unit, () => run());
};
const atOnce = ({ step }) => Promise.all(units.map(([unit, run]) => step.run(unit, () => run())));
const FUNCTIONS = { inside: atOnce, parallel: atOnce };

const definition = client.createFunction(
  { id: name, triggers: { event: 'test/run' } },
  FUNCTIONS[id] ?? oneByOne,
);
const handler = serve({ client, functions: [definition] });
const isTriedTwice = id === 'retry' || id === 'exhausted';
const run =
  state === undefined ? newRun(`app-${name}`, { maxAttempts: isTriedTwice ? 2 : 1 }) : JSON.parse(state);

if (id === 'crash') void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
// One call does the unit, the next one finds that the function is over.
await execute(handler, run, part === 'begin' ? 1 : undefined);
if (part === 'begin') process.stdout.write(JSON.stringify(run));

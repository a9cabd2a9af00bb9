// A program in which gulp does what one scenario of the conformance kit asks.
import { conformanceScenario } from 'runledger/testing';
import Undertaker from 'undertaker';

const { id, work } = conformanceScenario(process.argv[2]);
const taker = new Undertaker();
taker.on('error', () => {});
/** The units of the scenario as tasks, which are handed a callback they do not use. */
for (const [name, run] of Object.entries(work)) {
  if (typeof run === 'function') taker.task(name, () => run());
}
const units = Object.keys(work).filter((name) => taker.task(name) !== undefined);
const end = (composed) => new Promise((resolve) => composed(resolve));

const RUNS = {
  success: () => end(taker.series(units)),
  inside: () => end(taker.parallel(units)),
  failure: () => end(taker.series(units)),
  // The run is over with the first failure; the other task is not.
  parallel: async () => {
    const stopped = new Promise((resolve) => taker.on('stop', resolve));
    await end(taker.parallel(units));
    await stopped;
  },
  nested: () => {
    taker.task('prepare', taker.series(units));
    return end(taker.series('prepare'));
  },
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return end(taker.series(units));
  },
};
await RUNS[id]();

// One half of a run that two processes share. Prints what the other half needs, as the only line.
import {
  attachPipeline,
  extractExecution,
  injectExecution,
  runPipeline,
  runProcess,
  startPipeline,
} from '../../../src/index.ts';

const [half, handed] = process.argv.slice(2);
const fail = () => {
  throw new TypeError('row 7 has no date');
};

const halves = {
  /** Starts a run, and lets go of it. */
  detach() {
    const pipeline = startPipeline('import', { runId: 'run-1', correlationId: 'orders', attempt: 2 });
    pipeline.step('download', (step) => step.add({ rowsOut: 3 }));
    pipeline.checkpoint('downloaded');
    process.stdout.write(pipeline.detach());
  },
  /** Goes on with it, fails in a step of a process, and ends it. */
  attach() {
    const pipeline = attachPipeline(handed);
    try {
      pipeline.process('write', (write) => write.step('load', fail));
    } catch (error) {
      pipeline.fail(error);
    }
  },
  /** Sends a message from inside a run. */
  inject() {
    runPipeline('import', { runId: 'run-1', tenant: 'acme' }, (run) => {
      run.step('send', () => {
        const message = { headers: {} };
        injectExecution(message.headers);
        process.stdout.write(JSON.stringify(message));
      });
    });
  },
  /** Receives it, and works for that run. */
  extract() {
    const parent = extractExecution(JSON.parse(handed).headers);
    try {
      runProcess('receive', { parent }, (receive) => receive.step('load', fail));
    } catch {
      // The message is dead; the run it belongs to is not.
    }
  },
};
halves[half]();

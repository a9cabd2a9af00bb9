import { trace } from '@opentelemetry/api';
import { runStep } from 'runledger';
import type { Suite } from './measure.ts';
import { stepCost } from './workload.ts';

const STEPS = 2_000_000;
const tracer = trace.getTracer('peer');

export const suite: Suite = {
  title: 'Cost of a step with no SDK registered, main-thread CPU',
  variants: {
    'plain function': () => loop((work) => work()),
    'startActiveSpan of the API': () =>
      loop((work) =>
        tracer.startActiveSpan('step noop', (span) => {
          work();
          span.end();
        }),
      ),
    runStep: () => loop((work) => runStep('noop', work)),
  },
  comparisons: [
    {
      what: "runStep / the API's own no-op startActiveSpan",
      figure: 'ns/step',
      of: 'runStep',
      against: 'startActiveSpan of the API',
      goal: { atMost: 1.1 },
    },
  ],
};

function loop(step: (work: () => undefined) => unknown) {
  const work = (): undefined => undefined;
  return stepCost(STEPS, async (count) => {
    for (let at = 0; at < count; at++) step(work);
  });
}

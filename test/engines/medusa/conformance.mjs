// A program in which a workflow of Medusa does what one scenario of the conformance kit asks.
import { LocalWorkflow, SkipStepResponse, WorkflowManager } from '@medusajs/orchestration';
import { conformanceScenario } from 'runledger/testing';

const { id, name, work } = conformanceScenario(process.argv[2]);
const units = Object.entries(work).filter(([, run]) => typeof run === 'function');
const isTriedTwice = id === 'retry' || id === 'exhausted';

/** One after the other, without compensation: that would be a step more. */
const chained = (actions) =>
  actions.reduceRight(
    (next, action) => ({
      ...{ action, noCompensation: true },
      ...(isTriedTwice && { maxRetries: 1 }),
      ...(next !== undefined && { next }),
    }),
    undefined,
  );
const atOnce = (actions) => ({ next: actions.map((action) => ({ action, noCompensation: true })) });

const handlers = new Map(units.map(([action, run]) => [action, { invoke: () => run() }]));
if (id === 'skip')
  handlers.set('archive', { invoke: async () => new SkipStepResponse('nothing to archive') });
if (id === 'crash') void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));

const actions = units.map(([action]) => action);
const flow =
  id === 'inside' || id === 'parallel'
    ? atOnce(actions)
    : chained(id === 'skip' ? ['archive', ...actions] : actions);
WorkflowManager.register(name, flow, handlers);
await new LocalWorkflow(name).run('1', {});

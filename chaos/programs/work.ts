import { writeSync } from 'node:fs';
import { runPipeline } from 'runledger';
import { EXECUTIONS, type Obligation, obligationOf, PAYLOAD } from '../obligation.ts';
import type { WriterReport } from './plan.ts';

/** The pipe to the oracle. */
const ORACLE = 3;

/**
 * One run of a writer, through the public interface alone. Each execution is acknowledged once the call that ended it
 * has returned: the steps, then the process, then the pipeline. From then on the ledger owes it.
 */
export async function execute(writer: string, run: number): Promise<void> {
  const first = run * EXECUTIONS;
  const of = (place: number) => obligationOf(writer, first + place);
  const [pipeline, process] = [of(0), of(1)];
  try {
    await runPipeline(pipeline.name, optionsOf(pipeline), async (execution) => {
      try {
        await execution.process(process.name, optionsOf(process), async (part) => {
          for (let place = 2; place < EXECUTIONS; place++) {
            const step = of(place);
            try {
              part.step(step.name, optionsOf(step), () => {
                if (step.message !== undefined) throw new Error(step.message);
              });
            } catch (error) {
              if (place === EXECUTIONS - 1) throw error;
            } finally {
              acknowledge(first + place);
            }
          }
          await undefined;
        });
      } finally {
        acknowledge(first + 1);
      }
    });
  } catch {
    // The obligation says that this run fails.
  } finally {
    acknowledge(first);
  }
}

/** Executions acknowledged by this thread. */
export let acknowledged = 0;

function acknowledge(number: number): void {
  acknowledged++;
  send(`${number}\n`);
}

export function tell(report: WriterReport): void {
  send(`${JSON.stringify(report)}\n`);
}

function optionsOf({ id, payload }: Obligation) {
  return { correlationId: id, attributes: { [PAYLOAD]: payload } };
}

/** Written whole before it returns; a full pipe is waited for. */
function send(text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(ORACLE, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

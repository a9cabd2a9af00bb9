import { hashOf } from './seeded.ts';

/** Bytes of the column `attributes`: what the sizes of payloads are chosen around. */
const CAP = 32_768;
/** Bytes of `{"chaos.payload":""}`. */
const FRAME = 20;
/** The attribute that carries a payload. */
export const PAYLOAD = 'chaos.payload';

/** Executions of one run: a pipeline, its process, and the process's steps. */
export const EXECUTIONS = 10;
/** A step that fails in every third run, and is dealt with. */
const RECOVERED = 4;
/** The step whose error ends every fifth run. */
const FATAL = 9;
/** Steps of writers with such a name that fail and are dealt with too, so that half of what they record goes before the rest. */
const FAILING = /^failing/;
const ALSO_RECOVERED: ReadonlySet<number> = new Set([3, 5, 7]);
/** Every so many executions one has a payload around {@link CAP}. */
const LARGE_EVERY = 97;
const LARGE_BYTES = [FRAME, FRAME + 1, CAP / 4, CAP - 1, CAP, CAP + 1, 3 * CAP] as const;

/**
 * What has to be in the ledger for one execution. All of it follows from the name of its writer and its number, so
 * neither the writer nor the oracle has to remember what was written.
 */
export interface Obligation {
  /** `writer:number`, kept in the column `correlation_id`. */
  readonly id: string;
  readonly kind: 'pipeline' | 'process' | 'step';
  readonly name: string;
  readonly outcome: 'success' | 'failure';
  readonly payload: string;
  /** The message of its error; undefined where it succeeds. */
  readonly message: string | undefined;
  /** The step that the ledger has to name as the cause; undefined for the step itself and for what succeeds. */
  readonly failedStep: string | undefined;
  readonly recoveredFailures: number;
}

/** The obligation of execution `number` of a writer: run `number / 10`, first the pipeline, then the process, then the steps. */
export function obligationOf(writer: string, number: number): Obligation {
  const run = Math.floor(number / EXECUTIONS);
  const place = number % EXECUTIONS;
  const runFails = run % 5 === 4;
  const recovers = run % 3 === 0;
  const isStep = place > 1;
  const isFailing = FAILING.test(writer);
  const isRecovered = (place === RECOVERED && recovers) || (isFailing && ALSO_RECOVERED.has(place));
  const failsItself = isRecovered || (place === FATAL && runFails);
  const outcome = failsItself || (!isStep && runFails) ? 'failure' : 'success';
  const cause = `${writer}:${run * EXECUTIONS + FATAL}`;
  return {
    id: `${writer}:${number}`,
    kind: place === 0 ? 'pipeline' : place === 1 ? 'process' : 'step',
    name: place === 0 ? 'chaos' : place === 1 ? 'load' : `step ${place}`,
    outcome,
    payload: payloadOf(writer, number),
    message: outcome === 'success' ? undefined : messageOf(failsItself ? `${writer}:${number}` : cause),
    failedStep: outcome === 'failure' && !isStep ? `step ${FATAL}` : undefined,
    recoveredFailures: place === 1 ? Number(recovers) + (isFailing ? ALSO_RECOVERED.size : 0) : 0,
  };
}

function messageOf(id: string): string {
  const hash = hashOf(id);
  return `${id} broke at “${hash.toString(36)}” 🧨\n${'again '.repeat(hash % 40)}`;
}

function payloadOf(writer: string, number: number): string {
  const hash = hashOf(`${writer}:${number}`);
  const text = `${hash.toString(36)}-${writer}-${number};`;
  if (number % LARGE_EVERY !== 0) return text.repeat(Math.ceil((hash % 200) / text.length));
  const bytes = LARGE_BYTES[Math.floor(number / LARGE_EVERY) % LARGE_BYTES.length] ?? 0;
  return text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes - FRAME);
}

/** Whether a payload fits into its column, so that it has to be there whole. */
export function fits(payload: string): boolean {
  return payload.length + FRAME <= CAP;
}

import { ENGINE_NAMES } from '../engines.ts';
import type { EnginesOptions } from '../instrumentation/engine-options.ts';
import type { CaptureInput } from '../lifecycle/lifecycle-settings.ts';
import { type RecogniseOptions, RULE_NAMES } from '../recognisers/recognise-options.ts';
import type { Durability, RetentionPolicy } from '../store/record-store.ts';
import type { RunledgerOptions } from './options.ts';

/** What the environment says, and what in it could not be used, as sentences. */
export interface EnvironmentOptions {
  readonly options: RunledgerOptions;
  readonly problems: readonly string[];
}

type Parser = (text: string) => RunledgerOptions;

/** Thrown by a parser: what the variable should have been. */
class Expected extends Error {}

/** Every variable, and the option it stands for. */
const VARIABLES: Readonly<Record<string, Parser>> = {
  RUNLEDGER_DISABLED: (text) => ({ enabled: !booleanFrom(text) }),
  RUNLEDGER_DIR: (text) => ({ directory: text }),
  RUNLEDGER_STORE: (text) => ({ store: text }),
  RUNLEDGER_DURABILITY: (text) => ({ durability: durabilityFrom(text) }),
  RUNLEDGER_DRAIN_ON_EXIT: (text) => ({ drainOnExit: booleanFrom(text) }),
  RUNLEDGER_KEEP_RATE: (text) => ({ keep: { rate: numberFrom(text, 0, 1) } }),
  RUNLEDGER_SLOW_MS: (text) => ({ keep: { slowMs: numberFrom(text, 0, Number.MAX_SAFE_INTEGER) } }),
  RUNLEDGER_CAPTURE_INPUT: (text) => ({ captureInput: captureFrom(text) }),
  RUNLEDGER_PROMETHEUS_PORT: (text) => ({ prometheus: { port: portFrom(text) } }),
  RUNLEDGER_ENGINES: (text) => ({ engines: enginesFrom(text) }),
  RUNLEDGER_RECOGNISE: (text) => ({ recognise: recogniseFrom(text) }),
  RUNLEDGER_RETENTION: (text) => ({ retention: retentionFrom(text) }),
};

/**
 * Reads `RUNLEDGER_*`, the only place that does. A value that can not be used is left out and described, with what
 * was expected, so that the caller decides whether that stops the start. Blank counts as unset.
 */
export function optionsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): EnvironmentOptions {
  let options: RunledgerOptions = {};
  const problems: string[] = [];
  for (const [name, parse] of Object.entries(VARIABLES)) {
    const text = environment[name]?.trim();
    if (text === undefined || text === '') continue;
    try {
      const { keep, ...rest } = parse(text);
      options = { ...options, ...rest };
      if (keep !== undefined) options = { ...options, keep: { ...options.keep, ...keep } };
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      problems.push(`${name} (${text}) must be ${error.message}`);
    }
  }
  return { options, problems };
}

function booleanFrom(text: string): boolean {
  const word = text.toLowerCase();
  if (word === 'true' || word === '1') return true;
  if (word === 'false' || word === '0') return false;
  throw new Expected('true or false');
}

function durabilityFrom(text: string): Durability {
  const word = text.toLowerCase();
  if (word === 'process' || word === 'os' || word === 'memory') return word;
  throw new Expected('process, os or memory');
}

function numberFrom(text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  const upTo = most === Number.MAX_SAFE_INTEGER ? 'at least 0' : `from ${least} to ${most}`;
  throw new Expected(`a number ${upTo}`);
}

function portFrom(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Expected('an integer from 1 to 65535');
}

function captureFrom(text: string): CaptureInput {
  if (text.toLowerCase() === 'hash') return 'hash';
  try {
    return booleanFrom(text);
  } catch {
    throw new Expected('true, false or hash');
  }
}

/** The engines that are named are on, all others off. */
function enginesFrom(text: string): EnginesOptions {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  const isNone = names.length === 1 && names[0] === 'none';
  if (!isNone && !names.every((name) => (ENGINE_NAMES as readonly string[]).includes(name))) {
    throw new Expected(`none, or engines separated by commas, of which there are ${ENGINE_NAMES.join(', ')}`);
  }
  return Object.fromEntries(ENGINE_NAMES.map((name) => [name, { enabled: names.includes(name) }]));
}

/** The rules that are named are on, all others off. */
function recogniseFrom(text: string): boolean | RecogniseOptions {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  if (names.length === 1 && names[0] === 'none') return false;
  if (!names.every((name) => (RULE_NAMES as readonly string[]).includes(name))) {
    throw new Expected(`none, or rules separated by commas, of which there are ${RULE_NAMES.join(', ')}`);
  }
  return { rules: Object.fromEntries(RULE_NAMES.map((name) => [name, names.includes(name)])) };
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const BYTES: Readonly<Record<string, number>> = { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };
const RETENTION_FORM =
  'off, or an age as in 7d, with failed=90d and max=1gb where wanted, separated by commas';

/** `off`, or `7d`, `7d,failed=90d,max=1gb` in any order. */
function retentionFrom(text: string): Partial<RetentionPolicy> | false {
  if (text.toLowerCase() === 'off') return false;
  const policy: { -readonly [Field in keyof RetentionPolicy]?: number } = {};
  for (const part of text.toLowerCase().split(',')) {
    const [, key, amount, unit] = /^\s*(?:(\w+)=)?(\d+(?:\.\d+)?)([a-z]+)\s*$/.exec(part) ?? [];
    const field = key === undefined ? 'maxAgeMs' : { failed: 'failedMaxAgeMs', max: 'maxBytes' }[key];
    const factor = (field === 'maxBytes' ? BYTES : MILLISECONDS)[unit ?? ''];
    if (field === undefined || factor === undefined) throw new Expected(RETENTION_FORM);
    policy[field as keyof RetentionPolicy] = Number(amount) * factor;
  }
  return policy;
}

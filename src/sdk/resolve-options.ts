import { ENGINE_NAMES } from '../engines.ts';
import { resolveBatchOptions } from '../export/batch-options.ts';
import { type EnginesOptions, problemOfEngines } from '../instrumentation/engine-options.ts';
import { problemOfRecognise } from '../recognisers/recognise-options.ts';
import { resolveKeepPolicy } from '../records/keep-policy.ts';
import { type EnvironmentOptions, optionsFromEnvironment } from './environment.ts';
import { nearestName } from './nearest-name.ts';
import type { PrometheusOptions, ResolvedOptions, RunledgerOptions } from './options.ts';
import { type StoreChoice, spoolDirectoryOf, storeChoice } from './store-choice.ts';

/** What a value must be, in words, and whether it is. */
interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

/** Rules of an object, by the names it may have. */
interface Shape {
  readonly [name: string]: Rule | { readonly shape: Shape; readonly or?: Rule };
}

const BOOLEAN: Rule = { expected: 'true or false', holds: (value) => typeof value === 'boolean' };
const TEXT: Rule = {
  expected: 'a text that is not empty',
  holds: (value) => typeof value === 'string' && value !== '',
};
const CALLABLE: Rule = { expected: 'a function', holds: (value) => typeof value === 'function' };
const COUNT: Rule = {
  expected: 'an integer of at least 1',
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
};
const AMOUNT: Rule = {
  expected: 'a number of at least 0',
  holds: (value) => typeof value === 'number' && value >= 0,
};
const FALSE: Rule = { expected: 'false', holds: (value) => value === false };
/** Checked where it is read, by the part that knows it. */
const ELSEWHERE: Rule = { expected: '', holds: () => true };

const SHAPE: Shape = {
  enabled: BOOLEAN,
  directory: TEXT,
  store: ELSEWHERE,
  durability: {
    expected: "'process', 'os' or 'memory'",
    holds: (value) => value === 'process' || value === 'os' || value === 'memory',
  },
  spool: {
    shape: {
      maxBytes: {
        expected: 'an integer of at least 4194304',
        holds: (value) => Number.isSafeInteger(value) && (value as number) >= 4_194_304,
      },
    },
  },
  drainOnExit: BOOLEAN,
  keep: {
    shape: {
      rate: ELSEWHERE,
      slowMs: ELSEWHERE,
      rng: CALLABLE,
      maxHeldPerRun: ELSEWHERE,
      maxHeld: ELSEWHERE,
    },
  },
  redact: CALLABLE,
  retention: { shape: { maxAgeMs: AMOUNT, failedMaxAgeMs: AMOUNT, maxBytes: AMOUNT }, or: FALSE },
  batch: ELSEWHERE,
  prometheus: {
    shape: {
      port: {
        expected: 'an integer from 1 to 65535',
        holds: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535,
      },
      host: TEXT,
    },
    or: BOOLEAN,
  },
  slo: {
    expected: 'a list of seconds above 0',
    holds: (value) => Array.isArray(value) && value.every((edge) => Number.isFinite(edge) && edge > 0),
  },
  semconv: {
    expected: "a list of 'cicd'",
    holds: (value) => Array.isArray(value) && value.every((name) => name === 'cicd'),
  },
  classifyError: CALLABLE,
  captureInput: {
    expected: "true, false or 'hash'",
    holds: (value) => typeof value === 'boolean' || value === 'hash',
  },
  engines: ELSEWHERE,
  recognise: ELSEWHERE,
  maxLiveExecutions: COUNT,
  maxNames: COUNT,
};

const DEFAULT_DIRECTORY = '.runledger';

/** Says what is wrong in the environment. The default throws: what was asked for can not be done. */
export type ProblemListener = (problems: readonly string[]) => void;

/**
 * Completes the options with those of the environment and the defaults. Throws a `TypeError` that names the option,
 * its value and what was expected.
 */
export function resolveOptions(
  options: RunledgerOptions = {},
  onProblems: ProblemListener = refuse,
): ResolvedOptions {
  check(options, SHAPE, '');
  resolveBatchOptions(options.batch);
  resolveKeepPolicy(options.keep);
  const problemOfEngine = options.engines === undefined ? undefined : problemOfEngines(options.engines);
  if (problemOfEngine !== undefined) throw new TypeError(`runledger: ${problemOfEngine}`);
  const problemOfRules = options.recognise === undefined ? undefined : problemOfRecognise(options.recognise);
  if (problemOfRules !== undefined) throw new TypeError(`runledger: ${problemOfRules}`);
  const directory = options.directory;
  if (options.store !== undefined) storeChoice(options.store, directory ?? '.');

  const environment = optionsFromEnvironment();
  const problems = [...environment.problems];
  const store = storeFrom(options, environment, problems);
  if (problems.length > 0) onProblems(problems);
  return resolved({ ...environment.options, ...options }, environment.options, store);
}

function resolved(
  options: RunledgerOptions,
  environment: RunledgerOptions,
  store: StoreChoice,
): ResolvedOptions {
  const directory = options.directory ?? DEFAULT_DIRECTORY;
  const spoolDirectory = options.durability === 'memory' ? undefined : spoolDirectoryOf(store, directory);
  return Object.freeze({
    enabled: options.enabled ?? true,
    store,
    durability: spoolDirectory === undefined ? 'memory' : (options.durability ?? 'process'),
    spoolDirectory,
    spool: options.spool ?? {},
    drainOnExit: options.drainOnExit,
    keep: { ...environment.keep, ...options.keep },
    redact: options.redact,
    retention: options.retention ?? {},
    batch: options.batch ?? {},
    prometheus: prometheusFrom(options.prometheus ?? false),
    slo: options.slo ?? [],
    semconv: options.semconv ?? [],
    classifyError: options.classifyError,
    captureInput: options.captureInput ?? false,
    engines: enginesFrom(options.engines, environment.engines),
    recognise: options.recognise ?? true,
    maxLiveExecutions: options.maxLiveExecutions,
    maxNames: options.maxNames,
  });
}

/** What the environment names and can not be used is a problem of the environment, and the default is used. */
function storeFrom(
  options: RunledgerOptions,
  { options: environment }: EnvironmentOptions,
  problems: string[],
): StoreChoice {
  const directory = options.directory ?? environment.directory ?? DEFAULT_DIRECTORY;
  if (options.store !== undefined) return storeChoice(options.store, directory);
  try {
    return storeChoice(environment.store, directory);
  } catch (error) {
    problems.push(`RUNLEDGER_STORE: ${(error as Error).message}`);
    return storeChoice(undefined, directory);
  }
}

/** Engine by engine, what code says of one added to what the environment says. */
function enginesFrom(options: EnginesOptions = {}, environment: EnginesOptions = {}): EnginesOptions {
  const engines: { -readonly [Name in keyof EnginesOptions]: EnginesOptions[Name] } = { ...environment };
  for (const name of ENGINE_NAMES) {
    if (options[name] !== undefined) engines[name] = { ...environment[name], ...options[name] };
  }
  return engines;
}

function prometheusFrom(option: PrometheusOptions | boolean): Required<PrometheusOptions> | false {
  if (option === false) return false;
  const { port = 9464, host = '127.0.0.1' } = option === true ? {} : option;
  return { port, host };
}

function refuse(problems: readonly string[]): never {
  throw new TypeError(`runledger: ${problems.join('; ')}`);
}

function check(value: unknown, shape: Shape, prefix: string): void {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(
      `runledger: ${prefix === '' ? 'options' : prefix.slice(0, -1)} (${shown(value)}) must be an object`,
    );
  }
  for (const [name, entry] of Object.entries(value)) {
    const rule = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (rule === undefined) throw unknownOption(prefix, name, Object.keys(shape));
    if (entry === undefined) continue;
    if ('shape' in rule) {
      if (rule.or?.holds(entry) !== true) check(entry, rule.shape, `${prefix}${name}.`);
      continue;
    }
    if (!rule.holds(entry)) {
      throw new TypeError(`runledger: ${prefix}${name} (${shown(entry)}) must be ${rule.expected}`);
    }
  }
}

function unknownOption(prefix: string, name: string, names: readonly string[]): TypeError {
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `known are ${names.join(', ')}` : `did you mean ${prefix}${nearest}?`;
  return new TypeError(`runledger: unknown option ${prefix}${name}; ${hint}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  return typeof value === 'object' ? (value === null ? 'null' : 'an object') : String(value);
}

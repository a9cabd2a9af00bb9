import { RULE_GROUPS } from './rule-groups.ts';
import type { RuleGroup, SpanRule } from './span-rule.ts';

/** The libraries whose spans are recognised. */
export type RuleName =
  | 'bullmq-otel'
  | 'appsignal-bullmq'
  | 'pg-boss'
  | 'temporal'
  | 'vercel-workflow'
  | 'mastra'
  | 'openinference'
  | 'gen-ai'
  | 'ai-sdk'
  | 'cicd'
  | 'effect'
  | 'inngest'
  | 'traceloop';

/** Which spans of other libraries are executions. */
export interface RecogniseOptions {
  /** Turns the rules of a library on or off. @default on, but for `effect` */
  readonly rules?: { readonly [Name in RuleName]?: boolean };
  /** Rules of your own. They come before all others. @default [] */
  readonly custom?: readonly SpanRule[];
  /** Milliseconds an ended span waits for those around it before its record is made. @default 5000 */
  readonly holdMillis?: number;
  /** Ended spans that wait at once; beyond it the first ones wait no longer. @default 10000 */
  readonly maxHeldSpans?: number;
}

/** The options, complete. */
export interface ResolvedRecognise {
  readonly groups: readonly RuleGroup[];
  readonly holdMillis: number;
  readonly maxHeldSpans: number;
}

/** What the record of an execution that a rule of the user found calls its engine. */
const CUSTOM = 'custom';

/** Longer is no delay but a loss: Node.js takes it for 1 ms. */
const MAX_HOLD_MILLIS = 2 ** 31 - 1;

export const RULE_NAMES: readonly RuleName[] = RULE_GROUPS.map(({ name }) => name as RuleName);

const KINDS: ReadonlySet<unknown> = new Set(['pipeline', 'process', 'step', 'auto', 'part', 'ignore']);
const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isFunction = (value: unknown) => typeof value === 'function';

const VALUE = [
  'the name of an attribute or a function',
  (value: unknown) => isText(value) || isFunction(value),
] as const;

/** What each part of a rule must be, in words, and whether it is. */
const RULE_FIELDS: Readonly<Record<keyof SpanRule, readonly [string, (value: unknown) => boolean]>> = {
  scope: ['a text or a regular expression', isPattern],
  spanName: ['a text or a regular expression', isPattern],
  attribute: ['the name of an attribute', isText],
  kind: [`a function or one of ${[...KINDS].join(', ')}`, (value) => KINDS.has(value) || isFunction(value)],
  executionName: VALUE,
  runId: VALUE,
  correlationId: VALUE,
  id: VALUE,
  attempt: VALUE,
  attemptKey: VALUE,
  ending: ['a function', isFunction],
  attributes: ['a function', isFunction],
  segments: ['a function', isFunction],
  parent: ['a function', isFunction],
  isSetLater: ['true or false', (value) => typeof value === 'boolean'],
};

/** Completes the option, which `problemOfRecognise` found nothing wrong with. */
export function resolveRecognise(option: boolean | RecogniseOptions = true): ResolvedRecognise {
  const {
    rules = {},
    custom = [],
    holdMillis = 5_000,
    maxHeldSpans = 10_000,
  } = typeof option === 'boolean' ? {} : option;
  const known =
    option === false
      ? []
      : RULE_GROUPS.filter(({ name, isOptIn }) => {
          return rules[name as RuleName] ?? isOptIn !== true;
        });
  const own: readonly RuleGroup[] = custom.length === 0 ? [] : [{ name: CUSTOM, rules: custom }];
  return { groups: [...own, ...known], holdMillis, maxHeldSpans };
}

/** What is wrong with the option, in words; undefined where nothing is. */
export function problemOfRecognise(option: unknown): string | undefined {
  if (typeof option === 'boolean') return undefined;
  if (typeof option !== 'object' || option === null) return 'recognise must be true, false or an object';
  const { rules, custom, holdMillis, maxHeldSpans, ...others } = option as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined)
    return `unknown option recognise.${other}; known are rules, custom, holdMillis, maxHeldSpans`;
  if (rules !== undefined) {
    const problem = problemOfSwitches(rules);
    if (problem !== undefined) return problem;
  }
  if (holdMillis !== undefined && !isWithin(holdMillis, MAX_HOLD_MILLIS))
    return `recognise.holdMillis (${String(holdMillis)}) must be an integer from 1 to ${MAX_HOLD_MILLIS}`;
  if (maxHeldSpans !== undefined && !isWithin(maxHeldSpans, Number.MAX_SAFE_INTEGER))
    return `recognise.maxHeldSpans (${String(maxHeldSpans)}) must be an integer of at least 1`;
  if (custom === undefined) return undefined;
  if (!Array.isArray(custom)) return 'recognise.custom must be a list of rules';
  for (const [index, rule] of custom.entries()) {
    const problem = problemOfRule(rule, `recognise.custom[${index}]`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOfSwitches(rules: unknown): string | undefined {
  if (typeof rules !== 'object' || rules === null) return 'recognise.rules must be an object';
  for (const [name, value] of Object.entries(rules)) {
    if (!(RULE_NAMES as readonly string[]).includes(name))
      return `unknown rules recognise.rules.${name}; known are ${RULE_NAMES.join(', ')}`;
    if (value !== undefined && typeof value !== 'boolean')
      return `recognise.rules.${name} must be true or false`;
  }
  return undefined;
}

function problemOfRule(rule: unknown, place: string): string | undefined {
  if (typeof rule !== 'object' || rule === null) return `${place} must be an object`;
  const fields = rule as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(fields)) {
    const known = Object.hasOwn(RULE_FIELDS, name) ? RULE_FIELDS[name as keyof SpanRule] : undefined;
    if (known === undefined)
      return `unknown ${place}.${name}; known are ${Object.keys(RULE_FIELDS).join(', ')}`;
    const [expected, holds] = known;
    if (value !== undefined && !holds(value)) return `${place}.${name} must be ${expected}`;
  }
  if (fields.kind === undefined) return `${place} needs a kind`;
  const isConditional = ['scope', 'spanName', 'attribute'].some((name) => fields[name] !== undefined);
  return isConditional ? undefined : `${place} needs a scope, a spanName or an attribute`;
}

function isPattern(value: unknown): boolean {
  return isText(value) || value instanceof RegExp;
}

function isWithin(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

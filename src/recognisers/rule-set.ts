import type { Attributes } from '@opentelemetry/api';
import type { EndedSpan } from '../records/ended-span.ts';
import { type ForeignSpan, foreignSpan, scopeOf } from './foreign-span.ts';
import { type Recognised, recognised } from './recognised.ts';
import type { RuleGroup, SpanRule } from './span-rule.ts';

/** Scopes whose rules are remembered. An application has a few dozen. */
const MAX_SCOPES = 1_000;

/** A rule with the group it is of. */
interface GroupRule {
  readonly group: RuleGroup;
  readonly rule: SpanRule;
}

/** The rules that may know spans of one scope. */
interface ScopeRules {
  readonly rules: readonly GroupRule[];
  /** Attributes of which a span has to have one for any rule to know it; undefined where one asks for none. */
  readonly attributes: readonly string[] | undefined;
}

/** Finds what a span is among the rules that are on. The first that fits decides; none is as good as `ignore`. */
export class RuleSet {
  readonly #rules: readonly GroupRule[];
  readonly #atStart: readonly SpanRule[];
  readonly #isSuperfluous: (engine: string) => boolean;
  readonly #report: (error: unknown) => void;
  readonly #byScope = new Map<string, ScopeRules>();

  /** `isSuperfluous` says of an engine whether its own instrumentation is at work; `report` hears of rules that throw. */
  constructor(
    groups: readonly RuleGroup[],
    isSuperfluous: (engine: string) => boolean,
    report: (error: unknown) => void,
  ) {
    this.#rules = groups.flatMap((group) => group.rules.map((rule) => ({ group, rule })));
    this.#atStart = this.#rules
      .map(({ rule }) => rule)
      .filter(({ kind, spanName, attribute, isSetLater }) => {
        const isNamed = spanName !== undefined || (attribute !== undefined && isSetLater !== true);
        return isNamed && kind !== 'ignore';
      });
    this.#isSuperfluous = isSuperfluous;
    this.#report = report;
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /**
   * What a span is that started with this name; undefined where it is no execution. Never throws. Most spans are none:
   * those cost a lookup of their scope, and of the few attributes that matter.
   */
  recognise(span: EndedSpan, startName: string, hasEnded: boolean): Recognised | undefined {
    const scope = scopeOf(span);
    const { rules, attributes } = this.#ofScope(scope);
    if (attributes?.every((name) => span.attributes[name] === undefined) === true) return undefined;
    let foreign: ForeignSpan | undefined;
    for (const { group, rule } of rules) {
      try {
        if (!isMet(rule, span.attributes, startName) || this.#isOff(group, scope)) continue;
        foreign ??= foreignSpan(span, startName, hasEnded);
        const found = recognised(group, rule, foreign);
        if (found !== undefined) return found === 'ignored' ? undefined : found;
      } catch (error) {
        this.#report(error);
      }
    }
    return undefined;
  }

  /** Whether a span may be an execution, by all that a sampler knows. Never throws. */
  mayBeExecution(spanName: string, attributes: Attributes): boolean {
    for (const { attribute, isSetLater, spanName: pattern } of this.#atStart) {
      const isMissing = attribute !== undefined && attributes[attribute] === undefined;
      if (isMissing && isSetLater !== true) continue;
      if (pattern === undefined || matches(pattern, spanName)) return true;
    }
    return false;
  }

  #isOff({ engine }: RuleGroup, scope: string): boolean {
    if (engine === undefined) return false;
    return this.#isSuperfluous(typeof engine === 'string' ? engine : engine(scope));
  }

  #ofScope(scope: string): ScopeRules {
    const known = this.#byScope.get(scope);
    if (known !== undefined) return known;
    const rules = this.#rules.filter(({ rule }) => rule.scope === undefined || matches(rule.scope, scope));
    const named = rules.map(({ rule }) => rule.attribute);
    const attributes = named.filter((name) => name !== undefined);
    const found = {
      rules,
      attributes: attributes.length < named.length ? undefined : [...new Set(attributes)],
    };
    if (this.#byScope.size < MAX_SCOPES) this.#byScope.set(scope, found);
    return found;
  }
}

function isMet({ spanName, attribute }: SpanRule, attributes: Attributes, startName: string): boolean {
  if (attribute !== undefined && attributes[attribute] === undefined) return false;
  return spanName === undefined || matches(spanName, startName);
}

/** `search`, since `test` and `exec` go on where a global expression stopped. */
function matches(pattern: string | RegExp, text: string): boolean {
  return typeof pattern === 'string' ? pattern === text : text.search(pattern) !== -1;
}

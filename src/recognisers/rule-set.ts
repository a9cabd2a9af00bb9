import type { Attributes } from '@opentelemetry/api';
import type { ForeignSpan } from './foreign-span.ts';
import { type Recognised, recognised } from './recognised.ts';
import type { RuleGroup, SpanRule } from './span-rule.ts';

/** Scopes whose rules are remembered. An application has a few dozen. */
const MAX_SCOPES = 1_000;

/** A rule with the group it is of. */
interface GroupRule {
  readonly group: RuleGroup;
  readonly rule: SpanRule;
}

/** Finds what a span is among the rules that are on. The first that fits decides; none is as good as `ignore`. */
export class RuleSet {
  readonly #rules: readonly GroupRule[];
  readonly #atStart: readonly SpanRule[];
  readonly #isSuperfluous: (engine: string) => boolean;
  readonly #report: (error: unknown) => void;
  readonly #byScope = new Map<string, readonly GroupRule[]>();

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

  /** What a span is; undefined where it is no execution. Never throws. */
  recognise(span: ForeignSpan): Recognised | undefined {
    for (const { group, rule } of this.#ofScope(span.scope)) {
      try {
        if (!isMet(rule, span) || this.#isOff(group)) continue;
        const found = recognised(group, rule, span);
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

  #isOff({ engine }: RuleGroup): boolean {
    return engine !== undefined && this.#isSuperfluous(engine);
  }

  #ofScope(scope: string): readonly GroupRule[] {
    const known = this.#byScope.get(scope);
    if (known !== undefined) return known;
    const rules = this.#rules.filter(({ rule }) => rule.scope === undefined || matches(rule.scope, scope));
    if (this.#byScope.size < MAX_SCOPES) this.#byScope.set(scope, rules);
    return rules;
  }
}

function isMet({ spanName, attribute }: SpanRule, span: ForeignSpan): boolean {
  if (attribute !== undefined && span.attributes[attribute] === undefined) return false;
  return spanName === undefined || matches(spanName, span.startName);
}

/** `search`, since `test` and `exec` go on where a global expression stopped. */
function matches(pattern: string | RegExp, text: string): boolean {
  return typeof pattern === 'string' ? pattern === text : text.search(pattern) !== -1;
}

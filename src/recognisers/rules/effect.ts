import type { RuleGroup } from '../span-rule.ts';

/** `Effect.withSpan`, by way of `@effect/opentelemetry`. Its spans are of anything, so it is asked for by name. */
export const effect: RuleGroup = {
  name: 'effect',
  isOptIn: true,
  rules: [{ scope: 'effect', kind: 'auto' }],
};

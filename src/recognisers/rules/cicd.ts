import { isFailed, OUTCOMES, type Outcome } from '../../execution.ts';
import { ERROR_TYPE_OTHER } from '../../semconv.ts';
import type { ForeignSpan } from '../foreign-span.ts';
import type { RuleGroup, SpanEnding } from '../span-rule.ts';

const KNOWN: ReadonlySet<unknown> = new Set(OUTCOMES);

/** The CI/CD semantic conventions (release candidate), whoever follows them. The results are our outcomes. */
export const cicd: RuleGroup = {
  name: 'cicd',
  keeps: /^(?:cicd|vcs)\./,
  rules: [
    {
      attribute: 'cicd.pipeline.task.run.id',
      kind: 'step',
      executionName: 'cicd.pipeline.task.name',
      id: 'cicd.pipeline.task.run.id',
      runId: 'cicd.pipeline.run.id',
      ending: ended('cicd.pipeline.task.run.result'),
    },
    {
      attribute: 'cicd.pipeline.run.id',
      kind: 'pipeline',
      executionName: 'cicd.pipeline.name',
      id: 'cicd.pipeline.run.id',
      runId: 'cicd.pipeline.run.id',
      ending: ended('cicd.pipeline.result'),
    },
  ],
};

function ended(attribute: string): (span: ForeignSpan) => SpanEnding | undefined {
  return ({ attributes }) => {
    const result = attributes[attribute];
    if (!KNOWN.has(result)) return undefined;
    const outcome = result as Outcome;
    const isUnnamed = isFailed(outcome) && attributes['error.type'] === undefined;
    return { outcome, ...(isUnnamed && { errorType: ERROR_TYPE_OTHER }) };
  };
}

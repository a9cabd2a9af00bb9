import { aiSdk } from './rules/ai-sdk.ts';
import { appsignalBullmq } from './rules/appsignal-bullmq.ts';
import { bullmqOtel } from './rules/bullmq-otel.ts';
import { cicd } from './rules/cicd.ts';
import { effect } from './rules/effect.ts';
import { genAi } from './rules/gen-ai.ts';
import { inngest, traceloop } from './rules/ignored.ts';
import { mastra } from './rules/mastra.ts';
import { openinference } from './rules/openinference.ts';
import { pgBoss } from './rules/pg-boss.ts';
import { temporal } from './rules/temporal.ts';
import { vercelWorkflow } from './rules/vercel-workflow.ts';
import type { RuleGroup } from './span-rule.ts';

/** The rules of every library that is known, in the order they are tried: a library's own before a convention's. */
export const RULE_GROUPS: readonly RuleGroup[] = [
  inngest,
  traceloop,
  bullmqOtel,
  appsignalBullmq,
  pgBoss,
  temporal,
  vercelWorkflow,
  mastra,
  openinference,
  aiSdk,
  genAi,
  cicd,
  effect,
];

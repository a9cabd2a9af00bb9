/** An engine: a pipeline library that is instrumented without a change to the application. */
export interface EngineInfo {
  /** What options, the environment and attributes call it. */
  readonly name: EngineName;
  /** Its package. */
  readonly packageName: string;
  /** Other paths of the package that an application may load the engine by. */
  readonly entryPoints?: readonly string[];
  /** The versions it was tried with, both bounds: a newer major is left alone until it was. */
  readonly versions: string;
  /** It publishes what it does: it is listened to from the start, and no load hook is needed. */
  readonly publishes?: true;
}

/** What an engine is called in options, the environment and the ledger. */
export type EngineName =
  | 'listr2'
  | 'graphile-worker'
  | 'pg-boss'
  | 'node-cron'
  | 'agenda'
  | 'bullmq'
  | 'gulp'
  | 'inngest'
  | 'medusa'
  | 'ai-sdk'
  | 'langgraph'
  | 'openai-agents';

/** Every engine there is. What knows how to instrument one is in `instrumentation/engines`. */
export const ENGINES: readonly EngineInfo[] = [
  { name: 'listr2', packageName: 'listr2', versions: '>=6.6.0 <12.0.0' },
  { name: 'gulp', packageName: 'bach', versions: '>=1.0.0 <3.0.0' },
  { name: 'inngest', packageName: 'inngest', versions: '>=4.0.4 <5.0.0' },
  { name: 'medusa', packageName: '@medusajs/orchestration', versions: '>=2.11.1 <3.0.0' },
  { name: 'graphile-worker', packageName: 'graphile-worker', versions: '>=0.16.0 <0.19.0' },
  { name: 'pg-boss', packageName: 'pg-boss', versions: '>=12.0.0 <13.0.0' },
  { name: 'node-cron', packageName: 'node-cron', versions: '>=4.0.0 <5.0.0' },
  { name: 'agenda', packageName: 'agenda', versions: '>=6.2.0 <7.0.0' },
  { name: 'bullmq', packageName: 'bullmq', versions: '>=5.24.0 <7.0.0' },
  { name: 'ai-sdk', packageName: 'ai', versions: '>=7.0.0 <8.0.0', publishes: true },
  {
    name: 'langgraph',
    packageName: '@langchain/langgraph',
    entryPoints: ['@langchain/langgraph/prebuilt', '@langchain/langgraph/pregel', '@langchain/langgraph/web'],
    versions: '>=0.2.46 <2.0.0',
  },
  { name: 'openai-agents', packageName: '@openai/agents-core', versions: '>=0.4.0 <0.21.0' },
];

export const ENGINE_NAMES: readonly EngineName[] = ENGINES.map(({ name }) => name);

import { type Context, context } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { Execution } from './execution-handle.ts';
import type { ExecutionOptions, RunArguments } from './execution-options.ts';
import { describeError } from './outcome.ts';
import { report } from './report.ts';
import { runExecution } from './run-execution.ts';

/**
 * Runs `fn` as a pipeline. What `fn` returns or throws passes through unchanged, the error object and its stack
 * included; a synchronous `fn` stays synchronous. Inside a run it is a pipeline of that run, unless it gets a `runId`
 * of its own.
 */
export function runPipeline<T>(name: string, fn: (run: Execution) => T): T;
export function runPipeline<T>(name: string, options: ExecutionOptions, fn: (run: Execution) => T): T;
export function runPipeline<T>(name: string, ...rest: RunArguments<T>): T {
  return runAs('pipeline', name, rest);
}

/** Runs `fn` as a process of the execution whose code is running, or as the root of a run of its own. */
export function runProcess<T>(name: string, fn: (process: Execution) => T): T;
export function runProcess<T>(name: string, options: ExecutionOptions, fn: (process: Execution) => T): T;
export function runProcess<T>(name: string, ...rest: RunArguments<T>): T {
  return runAs('process', name, rest);
}

/** Runs `fn` as a step of the execution whose code is running, or as the root of a run of its own. */
export function runStep<T>(name: string, fn: (step: Execution) => T): T;
export function runStep<T>(name: string, options: ExecutionOptions, fn: (step: Execution) => T): T;
export function runStep<T>(name: string, ...rest: RunArguments<T>): T {
  return runAs('step', name, rest);
}

/**
 * Starts a pipeline for code that has no single function around the work. The caller ends it, by `end`, `fail`,
 * `skip` or `reject`, and makes it active where it likes, by `run`.
 */
export function startPipeline(name: string, options?: ExecutionOptions): Execution {
  return new Execution('pipeline', name, options, parentContextOf(options), false);
}

/** What a pipeline's definition says of every run. */
export interface PipelineDefinition {
  readonly version?: string | undefined;
  /** Hash of the definition, as the caller computes it. */
  readonly definitionHash?: string | undefined;
}

/** A pipeline that can be called by its input, and told by its name. */
export interface Pipeline<Input, Output> {
  (input: Input, options?: ExecutionOptions): Output;
  readonly pipelineName: string;
  readonly version: string | undefined;
  readonly definitionHash: string | undefined;
}

/**
 * A named pipeline, to be called as a function. Its input is kept with the run where `captureInput` asks for it, so
 * that a run can be replayed.
 */
export function definePipeline<Input, Output>(
  name: string,
  definition: PipelineDefinition,
  fn: (run: Execution, input: Input) => Output,
): Pipeline<Input, Output> {
  const { version, definitionHash } = definition;
  const call = (input: Input, options?: ExecutionOptions): Output =>
    runPipeline(name, { version, definitionHash, input, ...options }, (run) => fn(run, input));
  return Object.assign(call, { pipelineName: name, version, definitionHash });
}

function runAs<T>(kind: ExecutionKind, name: string, rest: RunArguments<T>): T {
  if (rest.length === 1) {
    return runExecution(new Execution(kind, name, undefined, context.active(), true), rest[0]);
  }
  return runExecution(new Execution(kind, name, rest[0], parentContextOf(rest[0]), true), rest[1]);
}

function parentContextOf(options: ExecutionOptions | undefined): Context {
  try {
    const parent = options?.parent;
    if (parent instanceof Execution) return parent.contextForChildren();
    if (typeof parent?.getValue === 'function') return parent;
  } catch (error) {
    report('warn', `a parent can not be read: ${describeError(error).message}`);
  }
  return context.active();
}

// An ES module that runs the scenarios its arguments name and prints what they found.
import { appendFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk } from '@langchain/core/messages';
import { ChatGenerationChunk } from '@langchain/core/outputs';
import * as langgraph from '@langchain/langgraph';
import { trace } from '@opentelemetry/api';
import { modelOf } from './model.cjs';
import { scenarios } from './scenarios.cjs';

/** Notes the span that is active where the application does something: the parent of every span made there. */
const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
const createModel = modelOf({ BaseChatModel, AIMessage, AIMessageChunk, ChatGenerationChunk });
for (const name of process.argv.slice(2)) {
  process.stdout.write(
    `${name} ${await scenarios[name](langgraph, { span, createModel, events: setImmediate })}\n`,
  );
}

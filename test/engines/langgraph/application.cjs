// A CommonJS program that runs the scenarios its arguments name and prints what they found.
const { appendFileSync } = require('node:fs');
const { setImmediate } = require('node:timers/promises');
const { BaseChatModel } = require('@langchain/core/language_models/chat_models');
const { AIMessage, AIMessageChunk } = require('@langchain/core/messages');
const { ChatGenerationChunk } = require('@langchain/core/outputs');
const langgraph = require('@langchain/langgraph');
const { trace } = require('@opentelemetry/api');
const { modelOf } = require('./model.cjs');
const { scenarios } = require('./scenarios.cjs');

const span = (name) => {
  if (process.env.SPANS_FILE === undefined) return;
  appendFileSync(process.env.SPANS_FILE, `${name}\t${trace.getActiveSpan()?.spanContext().spanId}\n`);
};
const createModel = modelOf({ BaseChatModel, AIMessage, AIMessageChunk, ChatGenerationChunk });
(async () => {
  for (const name of process.argv.slice(2)) {
    process.stdout.write(
      `${name} ${await scenarios[name](langgraph, { span, createModel, events: setImmediate })}\n`,
    );
  }
})();

// An agent whose program loads nothing of LangGraph but what is prebuilt.
const { BaseChatModel } = require('@langchain/core/language_models/chat_models');
const { AIMessage, AIMessageChunk } = require('@langchain/core/messages');
const { ChatGenerationChunk } = require('@langchain/core/outputs');
const { DynamicTool } = require('@langchain/core/tools');
const { createReactAgent } = require('@langchain/langgraph/prebuilt');
const { runAgent } = require('./agent.cjs');

const core = { BaseChatModel, AIMessage, AIMessageChunk, ChatGenerationChunk, DynamicTool };
runAgent(createReactAgent, core).then((answer) => process.stdout.write(`${answer}\n`));

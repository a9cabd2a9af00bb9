// An agent whose program loads nothing of LangGraph but what is prebuilt.
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk } from '@langchain/core/messages';
import { ChatGenerationChunk } from '@langchain/core/outputs';
import { DynamicTool } from '@langchain/core/tools';
import { createReactAgent } from '@langchain/langgraph/prebuilt';
import { runAgent } from './agent.cjs';

const core = { BaseChatModel, AIMessage, AIMessageChunk, ChatGenerationChunk, DynamicTool };
process.stdout.write(`${await runAgent(createReactAgent, core)}\n`);

// An ES module that runs the scenarios its arguments name.
import { trace } from '@opentelemetry/api';
import * as bullmq from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { run } from './scenarios.cjs';

await run({ bullmq, BullMQOtel, trace }, process.argv.slice(2));

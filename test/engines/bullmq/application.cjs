// A CommonJS program that runs the scenarios its arguments name.
const { trace } = require('@opentelemetry/api');
const bullmq = require('bullmq');
const { BullMQOtel } = require('bullmq-otel');
const { run } = require('./scenarios.cjs');

run({ bullmq, BullMQOtel, trace }, process.argv.slice(2));

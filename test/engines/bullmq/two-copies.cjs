// A program whose dependency brings a BullMQ of its own: one adds a flow, the workers are of both.
const { createRequire } = require('node:module');
const { trace } = require('@opentelemetry/api');
const bullmq = require('bullmq');
const { run } = require('./scenarios.cjs');

const other = createRequire(require.resolve('other/package.json'))('bullmq');
if (other.Worker === bullmq.Worker) throw new Error('there is one copy');
const mixed = { ...bullmq, FlowProducer: other.FlowProducer, Worker: other.Worker };
run({ bullmq: mixed, trace }, process.argv.slice(2));

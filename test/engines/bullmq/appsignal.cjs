// AppSignal's instrumentation of BullMQ 2 to 5, as its users register it.
const { BullMQInstrumentation } = require('@appsignal/opentelemetry-instrumentation-bullmq');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');

registerInstrumentations({ instrumentations: [new BullMQInstrumentation()] });

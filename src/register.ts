import { registerSdk } from './sdk/register-sdk.ts';

// node --import runledger/register app.js, or -r: starts OpenTelemetry with Runledger from the environment. No
// top-level await, so that a CommonJS program can require it.
registerSdk();

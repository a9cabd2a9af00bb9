// The program of the conformance kit, beside the SDK's own spans.
import { OpenTelemetry } from '@ai-sdk/otel';
import { registerTelemetry } from 'ai';

registerTelemetry(new OpenTelemetry());
await import('./conformance.mjs');

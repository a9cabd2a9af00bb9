import { diag } from '@opentelemetry/api';
import type { SamplerShape } from '../processor/record-sampler.ts';
import { otelNumber, otelString } from './otel-environment.ts';
import type { SdkTrace } from './sdk-trace.ts';

/** The sampler NodeSDK would build from `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`. */
export function samplerFromEnvironment(sdk: SdkTrace): SamplerShape {
  const name = otelString('OTEL_TRACES_SAMPLER');
  switch (name) {
    case 'always_on':
      return sdk.alwaysOn();
    case 'always_off':
      return sdk.alwaysOff();
    case 'parentbased_always_off':
      return sdk.parentBased(sdk.alwaysOff());
    case 'traceidratio':
      return sdk.ratio(ratioFromEnvironment());
    case 'parentbased_traceidratio':
      return sdk.parentBased(sdk.ratio(ratioFromEnvironment()));
    case undefined:
    case 'parentbased_always_on':
      return sdk.parentBased(sdk.alwaysOn());
    default:
      diag.error(`unknown OTEL_TRACES_SAMPLER value "${name}", using default`);
      return sdk.parentBased(sdk.alwaysOn());
  }
}

function ratioFromEnvironment(): number {
  const ratio = otelNumber('OTEL_TRACES_SAMPLER_ARG');
  if (ratio !== undefined && ratio >= 0 && ratio <= 1) return ratio;
  diag.error(`OTEL_TRACES_SAMPLER_ARG (${ratio ?? 'blank'}) must be a number from 0 to 1, defaulting to 1.`);
  return 1;
}

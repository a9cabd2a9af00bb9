import type { Attributes } from '@opentelemetry/api';
import { ATTR_INPUT, ATTR_INPUT_HASH, ATTR_OUTPUT } from '../semconv.ts';
import { type CaptureInput, lifecycleSettings } from './lifecycle-settings.ts';
import { describeError } from './outcome.ts';
import { report } from './report.ts';

/** Bytes of JSON kept of one input or output: what a record has room for. */
const MAX_BYTES = 16_384;

/**
 * The input of an execution as attributes: nothing unless capturing is on, since payloads hold personal data and
 * writing them out costs. Values that JSON can not hold are left out.
 */
export function captureInput(
  input: unknown,
  mode: CaptureInput = lifecycleSettings().captureInput,
): Attributes {
  if (mode === false) return {};
  const json = toJson(input);
  if (json === undefined) return {};
  const { createHash } = process.getBuiltinModule('node:crypto');
  const hash = createHash('sha256').update(json).digest('hex');
  return mode === 'hash'
    ? { [ATTR_INPUT_HASH]: hash }
    : { [ATTR_INPUT]: bounded(json), [ATTR_INPUT_HASH]: hash };
}

/** The output of an execution as attributes, under the same rules. */
export function captureOutput(output: unknown): Attributes {
  if (lifecycleSettings().captureInput !== true) return {};
  const json = toJson(output);
  return json === undefined ? {} : { [ATTR_OUTPUT]: bounded(json) };
}

/** JSON stays JSON when it is cut: what does not fit is replaced by how it began and how long it was. */
function bounded(json: string): string {
  const { length } = json;
  if (length <= MAX_BYTES && Buffer.byteLength(json) <= MAX_BYTES) return json;
  // Quoted again, a character can take several bytes, so the head is halved until it fits.
  for (let size = MAX_BYTES / 2; ; size = Math.floor(size / 2)) {
    const cut = JSON.stringify({ truncated: true, length, head: json.slice(0, size) });
    if (Buffer.byteLength(cut) <= MAX_BYTES) return cut;
  }
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    report('debug', `an input or output is not captured: ${describeError(error).message}`);
    return undefined;
  }
}

import { type Baggage, type BaggageEntry, propagation } from '@opentelemetry/api';

/** Bounds of W3C Baggage: a header may have 180 members and 8192 bytes. */
const MAX_MEMBERS = 180;
const MAX_BYTES = 8_192;

/** Baggage in the form of the W3C header. What goes beyond its bounds is left out. */
export function headerFromBaggage(baggage: Baggage): string {
  let header = '';
  for (const [key, { value, metadata }] of baggage.getAllEntries().slice(0, MAX_MEMBERS)) {
    const properties = metadata === undefined ? '' : `;${metadata.toString()}`;
    const member = `${encodeURIComponent(key)}=${encodeURIComponent(value)}${properties}`;
    const longer = header === '' ? member : `${header},${member}`;
    if (longer.length <= MAX_BYTES) header = longer;
  }
  return header;
}

/** The baggage a header stands for; undefined where it holds none. Members that are malformed are left out. */
export function baggageFromHeader(header: string | undefined): Baggage | undefined {
  if (header === undefined || header.length > MAX_BYTES) return undefined;
  const entries: Record<string, BaggageEntry> = {};
  for (const member of header.split(',', MAX_MEMBERS)) {
    const [pair = ''] = member.split(';', 1);
    const equals = pair.indexOf('=');
    if (equals <= 0) continue;
    const key = decode(pair.slice(0, equals).trim());
    const value = decode(pair.slice(equals + 1).trim());
    if (key !== undefined && value !== undefined) entries[key] = { value };
  }
  return Object.keys(entries).length === 0 ? undefined : propagation.createBaggage(entries);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

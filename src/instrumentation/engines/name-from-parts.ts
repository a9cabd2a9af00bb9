/** Parts a run is named after. */
const MAX_PARTS = 3;

/** The name of a run that has none of its own: its first parts, so that the runs of one program share a name. */
export function nameFromParts(parts: readonly string[]): string | undefined {
  if (parts.length === 0) return undefined;
  const left = parts.length - MAX_PARTS;
  return parts.slice(0, MAX_PARTS).join(', ') + (left > 0 ? ` +${left}` : '');
}

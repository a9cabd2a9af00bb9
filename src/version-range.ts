/**
 * Whether a version lies in a range of the form our package manifest uses: bounds like `>=1.9.0 <1.11.0`, all of
 * which must hold. A pre-release counts as the version it leads to.
 */
export function isInRange(version: string, range: string): boolean {
  return range
    .split(/\s+/)
    .filter((bound) => bound !== '')
    .every((bound) => {
      const [, operator, limit] = /^(>=|<=|>|<|=)?(.+)$/.exec(bound) ?? [];
      const order = compareVersions(version, limit ?? '');
      if (operator === '>=') return order >= 0;
      if (operator === '<=') return order <= 0;
      if (operator === '>') return order > 0;
      return operator === '<' ? order < 0 : order === 0;
    });
}

/** Negative where `a` is older than `b`, positive where it is newer. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  const [core = ''] = version.replace(/^v/, '').split(/[-+]/);
  return core.split('.').map(Number);
}

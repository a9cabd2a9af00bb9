/** Names a run is named after. */
const MAX_NAMES = 3;
/** Characters kept of a name. */
const MAX_LENGTH = 80;

/** What people wrote for a terminal, as a name: its first line, without colours. Undefined where nothing is left. */
export function nameFromTitle(title: unknown): string | undefined {
  if (typeof title !== 'string') return undefined;
  const { stripVTControlCharacters } = process.getBuiltinModule('node:util');
  const [line = ''] = stripVTControlCharacters(title).trim().split('\n', 1);
  return line === '' ? undefined : line.slice(0, MAX_LENGTH).trimEnd();
}

/** The name of a run whose engine has none: its first tasks, so that one program's runs share it. */
export function nameFromTasks(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const left = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(', ') + (left > 0 ? ` +${left}` : '');
}

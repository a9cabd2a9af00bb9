/**
 * Characters that can act on a terminal or lie about the text around them: C0 and C1 controls, DEL, bidirectional
 * marks, embeddings, overrides and isolates (Trojan Source, CVE-2021-42574), line and paragraph separators, and
 * the byte order mark. Lone surrogates are none of them, but no encoding can print them.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001b': '\\e' };

/** Text from a record as one harmless line: what could act on a terminal is shown by its escape instead. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => NAMED[character] ?? unicodeEscape(character));
}

/** A value as one JSON document. Unsafe characters inside strings are `\u` escapes, so it is harmless too. */
export function jsonDocument(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(UNSAFE, (character) =>
    character === '\n' ? character : unicodeEscape(character),
  )}\n`;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

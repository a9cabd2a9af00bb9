import type { ErrorLink } from './error-details.ts';

/** Frames of the program's own code that count. */
const MAX_FRAMES = 2;
/** Lines of a stack that are looked at. */
const MAX_LINES = 50;

/**
 * Groups failures with the same cause, over runs, machines and releases: 16 hex digits of a SHA-256 over the
 * error's type, its code, its message and the top two frames of the program's own code.
 *
 * In the message, what differs from case to case counts as one: UUIDs, hexadecimal and decimal numbers, and what
 * stands in quotes. A frame is its function and the last two parts of its file, without line numbers, so an edit
 * elsewhere in the file does not split a group; frames of Node.js and of `node_modules` are left out.
 */
export function fingerprintOf(error: ErrorLink, stack: string | undefined): string {
  const parts = [error.type, error.code ?? '', normalisedMessage(error.message ?? ''), ...ownFrames(stack)];
  const { hash } = process.getBuiltinModule('node:crypto');
  return hash('sha256', parts.join('\n'), 'hex').slice(0, 16);
}

/** A message without what differs from case to case. */
export function normalisedMessage(message: string): string {
  return message
    .replace(/(?<!\w)(?:"[^"]*"|'[^']*'|`[^`]*`)(?!\w)/g, '<text>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>')
    .replace(/\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi, '<hex>')
    .replace(/\d+(?:[.,:_-]\d+)*/g, '<n>');
}

function ownFrames(stack: string | undefined): string[] {
  const frames: string[] = [];
  if (stack === undefined) return frames;
  for (const line of stack.split('\n', MAX_LINES)) {
    const frame = frameOf(line);
    if (frame !== undefined) frames.push(frame);
    if (frames.length === MAX_FRAMES) break;
  }
  return frames;
}

/** `function file` of a line such as `    at async load (file:///app/src/load.ts:10:5)`. */
function frameOf(line: string): string | undefined {
  const text = line.trim();
  if (!text.startsWith('at ') || text.includes('node_modules') || text.includes('node:')) return undefined;
  const open = text.lastIndexOf(' (');
  const place = open === -1 ? text.slice(3) : text.slice(open + 2, -1);
  const name = open === -1 ? '' : text.slice(3, open).replace(/^(?:async|new) /, '');
  const file = place.replace(/(?::\d+){1,2}$/, '').replace(/[?#].*$/, '');
  return `${name} ${file.split(/[\\/]/).slice(-2).join('/')}`;
}

import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a document. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a document, in order. */
export function codeBlocksOf(markdown: string): CodeBlock[] {
  return [...markdown.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** A project as a newcomer has it: the package, its peers and an engine installed, our `node`, nothing else. */
export function makeProject(): string {
  const project = mkdtempSync(join(tmpdir(), 'runledger-docs-'));
  mkdirSync(join(project, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(root, join(project, 'node_modules', 'runledger'));
  symlinkSync(join(root, 'node_modules', '@opentelemetry'), join(project, 'node_modules', '@opentelemetry'));
  symlinkSync(join(root, 'node_modules', 'listr2'), join(project, 'node_modules', 'listr2'));
  symlinkSync(process.execPath, join(project, 'node_modules', '.bin', 'node'));
  const npx = join(project, 'node_modules', '.bin', 'npx');
  writeFileSync(
    npx,
    `#!/bin/sh\n[ "$1" = runledger ] && shift && exec node ${join(root, 'dist/cli.js')} "$@"\nexit 127\n`,
  );
  chmodSync(npx, 0o755);
  return project;
}

import { type ExecFileException, execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeBlocksOf, makeProject } from '../support/documented-project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Commands that install or are this very test run; the continuous integration script runs them. */
const RUN_ELSEWHERE = /^(npm (ci|install|test|start|run)\b|git clone\b|cd\b)/;
/** Commands that are expected to end with this exit code. */
const EXIT_CODES: Readonly<Record<string, number>> = {};

describe.each(documents)('%s', (document) => {
  const blocks = codeBlocksOf(readFileSync(join(root, document), 'utf8'));
  let project: string;

  beforeAll(() => {
    project = makeProject();
  });
  afterAll(() => {
    rmSync(project, { recursive: true });
  });

  it('has commands that do what it says, in the order it says them', async () => {
    for (const { language, text } of blocks) {
      const file = /^\/\/ (\S+\.(?:mjs|cjs|ts))\n/.exec(text)?.[1];
      if (language === 'js' && file !== undefined) writeFileSync(join(project, file), text);
      if (language !== 'sh') continue;
      for (const command of commandsOf(text)) {
        const { code, output } = await run(command, project);
        expect({ command, code, output }).toEqual({ command, code: EXIT_CODES[command] ?? 0, output });
      }
    }
  }, 120_000);

  it('links only to files that exist', () => {
    const links = [
      ...readFileSync(join(root, document), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g),
    ];
    const missing = links
      .map(([, link]) => link ?? '')
      .filter((link) => !exists(join(root, dirname(document), link)));
    expect(missing).toEqual([]);
  });
});

function commandsOf(text: string): string[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !RUN_ELSEWHERE.test(line));
}

function run(command: string, cwd: string): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    PATH: `${join(cwd, 'node_modules', '.bin')}:${process.env.PATH}`,
    NODE_OPTIONS: '',
  };
  return new Promise((resolve) => {
    execFile('bash', ['-c', command], { cwd, env }, (error: ExecFileException | null, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
        output: stdout + stderr,
      });
    });
  });
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}

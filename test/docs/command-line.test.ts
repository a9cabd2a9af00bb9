import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { failedRun } from '../support/sample-runs.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/command-line.md', import.meta.url)), 'utf8');
const COMMANDS = ['runs', 'show', 'failures', 'sql', 'prune', 'verify', 'recover', 'quarantine', 'doctor'];

/** Names written as code in a text. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

describe('docs/command-line.md', () => {
  let ledger: LedgerFile;

  beforeAll(async () => {
    ledger = await createLedgerFile(failedRun());
  });
  afterAll(() => ledger.remove());

  it('has a section for every command there is', async () => {
    const { stdout } = await runCli(['--help']);
    const [, list = ''] = stdout.split('Commands:\n');
    const commands = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name);
    expect(commands.filter((name) => name !== 'help' && name !== 'runledger')).toEqual(COMMANDS);
    expect([...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)).toEqual(COMMANDS);
  });

  it.each(COMMANDS)('names every option of %s', async (command) => {
    const { stdout } = await runCli([command, '--help']);
    const [own = ''] = (stdout.split('\nOptions:\n')[1] ?? '').split('\n\n');
    const options = [...own.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, option = '']) => option);
    const [, section = ''] = page.split(`\n### ${command}\n`);
    const named = section.split('\n#')[0] ?? '';
    expect(options.filter((option) => option !== '--help' && !named.includes(`\`${option}`))).toEqual([]);
  });

  it.each<[string, string[], string | undefined]>([
    ['runs', ['runs'], undefined],
    ['show', ['show', 'last'], undefined],
    ['failures', ['failures'], 'group'],
    ['sql', ['sql', 'select 1'], undefined],
    ['prune', ['prune', '--dry-run'], undefined],
    ['verify', ['verify'], undefined],
    ['recover', ['recover'], undefined],
    ['doctor', ['doctor'], 'check'],
  ])('tells the fields of the document that %s prints', async (command, args, item) => {
    const { stdout } = await runCli([...args, '--json', '--ledger', ledger.path]);
    const document = JSON.parse(stdout);
    const [, row = ''] =
      new RegExp(`^\\| \`${command}\` \\| (.*) \\|$`, 'm').exec(page.split('## JSON')[1] ?? '') ?? [];
    expect(Object.keys(document)).toEqual(namedIn(row).filter((name) => name !== 'null'));
    if (item === undefined) return;
    const [, sentence = ''] = new RegExp(`A \\*${item}\\* has (.*?)\\.(?:\\s|$)`, 's').exec(page) ?? [];
    const known = namedIn(sentence.replace(/\([^)]*\)/g, ''));
    const items: object[] = document[command === 'doctor' ? 'checks' : command];
    expect(items.length).toBeGreaterThan(0);
    for (const each of items) for (const name of Object.keys(each)) expect(known).toContain(name);
  });
});

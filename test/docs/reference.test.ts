import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import * as semconv from '../../src/semconv.ts';
import { EXECUTION_COLUMNS } from '../../src/store/execution-row.ts';
import { SQLITE_DIALECT } from '../../src/store/sql/sql-dialect.ts';
import { viewsOf } from '../../src/store/sql/views.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const readme = read('README.md');

/** Names written as code in the README. */
const documented = new Set(
  [...readme.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[=\s]/)),
);

function constants(prefix: string): string[] {
  return Object.entries(semconv)
    .filter(([constant]) => constant.startsWith(prefix))
    .map(([, name]) => String(name));
}

/** Fields of an interface in a source file, each with its own fields where its type is given. */
function fieldsOf(path: string, name: string): string[] {
  const [, body = ''] = new RegExp(`^export interface ${name} \\{\n(.*?)^\\}`, 'ms').exec(read(path)) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
}

describe('the README', () => {
  it.each([
    ['column', EXECUTION_COLUMNS.map(({ name }) => name)],
    ['view', Object.keys(viewsOf(SQLITE_DIALECT))],
    ['metric', constants('METRIC_')],
    ['attribute', constants('ATTR_')],
    ['event', constants('EVENT_')],
    ['variable', [...new Set(read('src/sdk/environment.ts').match(/RUNLEDGER_[A-Z_]+/g))]],
    ['option', fieldsOf('src/sdk/options.ts', 'RunledgerOptions')],
    [
      'option of the keep policy',
      fieldsOf('src/records/keep-policy.ts', 'KeepPolicyOptions').map((field) => `keep.${field}`),
    ],
    [
      'option of recognition',
      fieldsOf('src/recognisers/recognise-options.ts', 'RecogniseOptions').map(
        (field) => `recognise.${field}`,
      ),
    ],
    [
      'option of the endpoint',
      fieldsOf('src/sdk/options.ts', 'PrometheusOptions').map((field) => `prometheus.${field}`),
    ],
    [
      'option of retention',
      fieldsOf('src/store/record-store.ts', 'RetentionPolicy').map((field) => `retention.${field}`),
    ],
    [
      'option of the queue',
      fieldsOf('src/export/batch-options.ts', 'BatchOptions').map((field) => `batch.${field}`),
    ],
    ['outcome', read('src/execution.ts').match(/(?<=^ {2}')\w+(?=',$)/gm) ?? []],
    ['command', readdirSync(`${root}src/cli/commands`).map((file) => `${file.replace('.ts', '')}`)],
  ])('names every %s', (what, names) => {
    expect(names.length).toBeGreaterThan(0);
    const isNamed = (name: string) =>
      documented.has(name) || (what === 'command' && readme.includes(`\`runledger ${name}`));
    expect(names.filter((name) => !isNamed(name))).toEqual([]);
  });

  it.each(['column', 'attribute', 'metric'])('names no %s that does not exist', (what) => {
    const section = sectionOf(`${what[0]?.toUpperCase()}${what.slice(1)}s`);
    const first = [...section.matchAll(/^\|([^|]*)\|/gm)].map(([, cell = '']) => cell).slice(2);
    const names = first.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
    const existing: readonly string[] =
      what === 'column'
        ? EXECUTION_COLUMNS.map(({ name }) => name)
        : constants(what === 'metric' ? 'METRIC_' : 'ATTR_');
    expect(names.filter((name) => !existing.includes(name))).toEqual([]);
  });
});

function sectionOf(title: string): string {
  const [, section = ''] = readme.split(`\n## ${title}\n`);
  return section.split('\n## ')[0] ?? '';
}

describe('the public names', () => {
  it.each(['index', 'sql', 'testing'])('of %s all have a doc comment', (entry) => {
    const lists = read(`src/${entry}.ts`).matchAll(/^export (?:type )?\{(.*?)\} from '\.\/(.*?)';/gms);
    const names = [...lists].flatMap(([, list = '', file = '']) =>
      [...list.matchAll(/(?:type )?(\w+),?/g)].map(([, name = '']) => ({ name, file })),
    );
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter(({ name, file }) => !isDocumented(name, `src/${file}`))).toEqual([]);
  });
});

/** Whether the declaration of a name, which may be passed on from another file, follows a doc comment. */
function isDocumented(name: string, file: string): boolean {
  const source = read(file);
  const kinds = 'const|class|interface|type|(?:async )?function\\*?';
  const declaration = new RegExp(`^export (?:${kinds}) ${name}\\b`, 'm').exec(source);
  if (declaration !== null) return source.slice(0, declaration.index).trimEnd().endsWith('*/');
  const [, from] =
    new RegExp(`^import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '(\\./.*?)'`, 'm').exec(source) ?? [];
  return from !== undefined && isDocumented(name, `${file.slice(0, file.lastIndexOf('/'))}/${from}`);
}

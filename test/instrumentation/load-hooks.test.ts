import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { instrument } from '../../src/index.ts';
import { createEngineFolder, type EngineFolder } from '../support/engine-folder.ts';
import { REGISTER } from '../support/program.ts';

const INDEX = new URL('../../src/index.ts', import.meta.url).href;
const REGISTERED = ['--import', REGISTER];

let folder: EngineFolder;

beforeEach(async () => {
  folder = await createEngineFolder();
});
afterEach(() => folder.remove());

const summary = () => folder.rows().map(({ kind, name }) => `${kind} ${name}`);
const ONE_RUN = ['pipeline Task', 'step Task'];

describe('load hooks', () => {
  it.each(['application.mjs', 'application.cjs'])(
    'work where register is loaded by -r: %s',
    async (program) => {
      await folder.install('listr2');
      await folder.run(program, { args: ['retry'], node: ['-r', REGISTER] });
      expect(summary()).toHaveLength(4);
    },
  );

  it.each(['listr2', 'listr2-6'])('instrument a %s that is imported and required once', async (listr2) => {
    await folder.install(listr2, 'listr2');
    await folder.run('both-ways.mjs', { node: REGISTERED });
    expect(summary().sort()).toEqual([...ONE_RUN, ...ONE_RUN].sort());
  });

  it('instrument every copy in the tree, each run once', async () => {
    await folder.install('listr2');
    const dependent = join(folder.path, 'node_modules', 'dependent');
    await mkdir(join(dependent, 'node_modules'), { recursive: true });
    await writeFile(join(dependent, 'package.json'), '{ "type": "module", "main": "index.js" }');
    await writeFile(join(dependent, 'index.js'), "import * as listr2 from 'listr2';\nexport { listr2 };\n");
    await folder.install('listr2-6', join('dependent', 'node_modules', 'listr2'));

    await folder.run('two-copies.mjs', { node: REGISTERED });

    expect(summary().sort()).toEqual(['pipeline other', 'pipeline own', 'step other', 'step own']);
  });

  it('are loud where another copy of import-in-the-middle came first and takes modules away', async () => {
    await folder.install('listr2');
    await folder.install('import-in-the-middle', 'other-import-in-the-middle');
    const other = ['--import', join(folder.path, 'other-hooks.mjs')];
    const before = await folder.run('application.mjs', { args: ['retry'], node: [...other, ...REGISTERED] });
    const rowsBefore = summary();
    const after = await folder.run('application.mjs', { args: ['retry'], node: [...REGISTERED, ...other] });

    expect(before).toMatchObject({ exitCode: 0, stdout: 'retry 3\n' });
    expect(before.stderr.match(/another copy of import-in-the-middle was registered before/g)).toHaveLength(
      1,
    );
    expect(before.stderr).toContain('Put --import runledger/register before');
    expect(rowsBefore).toEqual([]);
    expect(after).toMatchObject({ exitCode: 0, stdout: 'retry 3\n', stderr: '' });
    expect(summary()).toHaveLength(4);
  });

  it.each(['application.mjs', 'application.cjs'])('leave a major nobody tried alone: %s', async (program) => {
    await folder.install('listr2', 'listr2', '12.0.0');
    const { stdout, stderr } = await folder.run(program, {
      args: ['retry'],
      node: REGISTERED,
      env: { OTEL_LOG_LEVEL: 'info' },
    });
    expect(stdout).toContain('retry 3\n');
    expect(stdout + stderr).toContain('listr2 12.0.0 is not instrumented: supported are >=6.6.0 <12.0.0');
    expect(summary()).toEqual([]);
  });

  it.each(['import * as engine', 'const engine = require'])(
    'never throw into what loads an engine that can not be changed: %s',
    async (load) => {
      const engine = join(folder.path, 'node_modules', 'listr2');
      await mkdir(engine, { recursive: true });
      await writeFile(join(engine, 'package.json'), '{ "version": "11.0.0", "main": "index.cjs" }');
      await writeFile(
        join(engine, 'index.cjs'),
        'class Listr { run() {} runTask() {} }\nObject.freeze(Listr.prototype);\nexports.Listr = Listr;\nObject.freeze(exports);\n',
      );
      const isImport = load.startsWith('import');
      const program = join(folder.path, isImport ? 'program.mjs' : 'program.cjs');
      const statement = isImport ? `${load} from 'listr2';` : `${load}('listr2');`;
      await writeFile(program, `${statement}\nprocess.stdout.write(typeof engine.Listr);\n`);
      const end = await folder.run(isImport ? 'program.mjs' : 'program.cjs', { node: REGISTERED });
      expect(end).toEqual({ exitCode: 0, signal: null, stdout: 'function', stderr: '' });
    },
  );

  it('are not installed where no engine is switched on', async () => {
    await folder.install('listr2');
    const node = ['--import', join(folder.path, 'count-hooks.mjs'), ...REGISTERED];
    const run = (RUNLEDGER_ENGINES: string) =>
      folder.run('application.mjs', { args: ['retry'], node, env: { RUNLEDGER_ENGINES } });

    expect((await run('none')).stdout).toBe('retry 3\nhooks: none\n');
    expect(summary()).toEqual([]);
    expect((await run('listr2')).stdout).toBe('retry 3\nhooks: create-hook\n');
    expect(summary()).toHaveLength(4);
  });

  it('are loaded with the first engine that is imported, and not before', async () => {
    await folder.install('listr2');
    const node = ['--import', join(folder.path, 'count-hooks.mjs'), ...REGISTERED];
    const without = await folder.run('no-engine.mjs', { node });
    expect(without).toEqual({ exitCode: 0, signal: null, stdout: 'worked\nhooks: none\n', stderr: '' });
  });

  it('do not look at modules at all where no engine is installed', async () => {
    const register = await folder.copyPackage();
    const count = ['--import', join(folder.path, 'count-registrations.cjs'), '--import', register];
    const found = async () => (await folder.run('no-engine.mjs', { node: count })).stdout;

    expect(await found()).toBe('worked\nregistrations: 0\n');
    await folder.install('listr2');
    expect(await found()).toBe('worked\nregistrations: 1\n');
  });
});

describe('the options of an engine', () => {
  it('name its runs and capture their input', async () => {
    await folder.install('listr2');
    await folder.run('application.mjs', {
      args: ['tree', 'retry'],
      node: ['--import', join(folder.path, 'own-setup.mjs')],
      env: { RUNLEDGER_INDEX: INDEX },
    });
    const runs = folder.rows().filter(({ kind }) => kind === 'pipeline');
    expect(runs.map(({ name, input }) => [name, input])).toEqual([
      ['release of 5', '{"target":"x64"}'],
      ['Download', null],
    ]);
  });
});

describe('instrument', () => {
  it.each([
    ['instrument', ONE_RUN],
    ['nothing', []],
  ])('makes up for what no load hook sees, once: %s', async (argument, rows) => {
    await folder.install('listr2');
    const end = await folder.run('bundled.mjs', {
      args: [argument],
      node: REGISTERED,
      env: { RUNLEDGER_INDEX: INDEX },
    });
    expect(end).toEqual({ exitCode: 0, signal: null, stdout: '', stderr: '' });
    expect(summary().sort()).toEqual(rows);
  });

  it('refuses what is no engine', () => {
    expect(() => instrument({ default: { run() {} } })).toThrow(
      'instrument was given no engine it knows; known are listr2',
    );
  });
});

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as semconv from '../../src/semconv.ts';
import { freePort } from '../support/free-port.ts';
import { createProgramFolder, type ProgramFolder } from '../support/program.ts';

const METRICS = Object.entries(semconv)
  .filter(([constant]) => constant.startsWith('METRIC_'))
  .map(([, name]) => String(name));

describe('what Prometheus scrapes', () => {
  let folder: ProgramFolder;
  let scrape: string;
  let rows: readonly (readonly string[])[];

  beforeAll(async () => {
    folder = await createProgramFolder();
    const { exitCode, stdout, stderr } = await folder.run('scrape.mjs', { args: [String(await freePort())] });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    scrape = stdout;
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    rows = [...readme.matchAll(/^\| `(runledger\.[\w.]+)` \| `(runledger_\w+)` \| (\w+)[^|]*\|([^|]*)\|$/gm)];
  });
  afterAll(() => folder.remove());

  it('has every metric there is, under the name and type of the README', () => {
    expect(rows.map(([, name]) => name).sort()).toEqual([...METRICS].sort());
    for (const [, , name, type] of rows) expect(scrape).toContain(`# TYPE ${name} ${type}\n`);
  });

  it('tells its series apart by the attributes of the README, and by nothing else', () => {
    for (const [, name = '', , , attributes = ''] of rows) {
      const labels = new Set<string>();
      const samples = scrape.matchAll(new RegExp(`^${prometheusName(name)}\\w*\\{(.*)\\} `, 'gm'));
      for (const [, text = ''] of samples) {
        for (const [, label = ''] of text.matchAll(/(\w+)="/g)) labels.add(label);
      }
      for (const own of ['otel_scope_name', 'otel_scope_version', 'le']) labels.delete(own);
      const documented = [...attributes.matchAll(/`([\w]+\.[\w.]+)`/g)].map(([, attribute = '']) =>
        prometheusName(attribute),
      );
      expect([name, [...labels].sort()]).toEqual([name, documented.sort()]);
    }
  });

  it('has the names of the CI/CD conventions where they are asked for', () => {
    expect(scrape).toContain('# TYPE cicd_pipeline_run_duration histogram');
    expect(scrape).toContain('# TYPE cicd_pipeline_run_active gauge');
  });

  it('has the edges of the objectives among its buckets', () => {
    expect(scrape).toMatch(/^runledger_execution_duration_bucket\{.*le="0\.3"\} \d/m);
  });

  it('is served to this machine alone', () => {
    expect(scrape.match(/^# answers on .*$/gm)).toEqual(['# answers on 127.0.0.1']);
  });
});

function prometheusName(name: string): string {
  return name.replaceAll('.', '_');
}

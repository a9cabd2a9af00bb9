import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codeBlocksOf, makeProject } from '../support/documented-project.ts';
import { freePort } from '../support/free-port.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';

const operations = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
const documented = codeBlocksOf(operations).find(({ text }) => text.startsWith('// worker.mjs'))?.text;

/** What follows the documented set-up: more work than one write holds, then a wait for the signal. */
const WORK = `
const { runPipeline } = await import('runledger');
for (let run = 0; run < 600; run++) runPipeline('import', (import_) => import_.step('load', () => {}));
process.stdout.write('worked');
setInterval(() => {}, 60_000);
`;

describe('the handler for SIGTERM of docs/operations.md', () => {
  let project: string;

  beforeEach(() => {
    project = makeProject();
    writeFileSync(join(project, 'worker.mjs'), `${documented}${WORK}`);
  });
  afterEach(() => rmSync(project, { recursive: true }));

  async function signalled(endpoint: string) {
    const child = spawn(process.execPath, ['worker.mjs'], {
      cwd: project,
      env: {
        PATH: process.env.PATH,
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      },
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [exitCode, signal] = await once(child, 'close');
    return { exitCode, signal, stderr };
  }

  function recordCount(): number {
    const database = new DatabaseSync(join(project, '.runledger', 'ledger.db'), { readOnly: true });
    const row = database.prepare('select count(*) as records from execution_records').get();
    database.close();
    return Number(row?.records);
  }

  it('loses no record, and lets the signal end the process', async () => {
    const receiver = await startOtlpReceiver();
    expect(await signalled(receiver.endpoint)).toEqual({ exitCode: null, signal: 'SIGTERM', stderr: '' });
    expect(recordCount()).toBe(1_200);
    expect(receiver.spanNames.length).toBeGreaterThan(0);
    await receiver.close();
  });

  it('does the same where the collector is down', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    expect(await signalled(nobody)).toEqual({ exitCode: null, signal: 'SIGTERM', stderr: '' });
    expect(recordCount()).toBe(1_200);
  });
});

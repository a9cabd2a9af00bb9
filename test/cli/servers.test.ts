import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordStore } from '../../src/store/record-store.ts';
import { MysqlRecordStore } from '../../src/store/sql/mysql/mysql-record-store.ts';
import { PostgresRecordStore } from '../../src/store/sql/postgres/postgres-record-store.ts';
import { runCli } from '../support/cli.ts';
import { stepRecord } from '../support/execution-records.ts';
import { MYSQL_SERVERS } from '../support/mysql-server.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import { FAILED_RUN_ID, failedRun, goodRun } from '../support/sample-runs.ts';
import type { TestServer } from '../support/server-process.ts';
import { temporaryDirectory } from '../support/sqlite-files.ts';

describeServer('PostgreSQL', hasPostgres, startPostgres, (url) => new PostgresRecordStore({ url }));
for (const { name, isInstalled, start } of MYSQL_SERVERS)
  describeServer(name, isInstalled, start, (url) => new MysqlRecordStore({ url }));

function describeServer(
  name: string,
  isInstalled: boolean,
  start: () => Promise<TestServer>,
  storeAt: (url: string) => RecordStore,
): void {
  (isInstalled ? describe : describe.skip)(`the command line over a ${name}`, () => {
    let server: TestServer;
    let cwd: string;

    beforeAll(async () => {
      server = await start();
      cwd = await temporaryDirectory();
      const store = storeAt(server.url);
      await store.init();
      await store.write([...failedRun(), ...goodRun()]);
      await store.quarantine([{ record: stepRecord(), reason: '22021' }]);
      await store.close();
    }, 120_000);
    afterAll(() => server?.dispose());

    const cli = async (...args: string[]) => {
      const result = await runCli(args, { cwd, env: { RUNLEDGER_STORE: server.url } });
      expect(result.stdout + result.stderr).not.toContain(':ledger@');
      return result;
    };

    it('lists runs, shows one, groups failures', async () => {
      const runs = await cli('runs', '--failed', '--json');
      expect(runs.exitCode).toBe(0);
      const { ledger, runs: listed } = JSON.parse(runs.stdout);
      expect(ledger).toBe(server.url.replace('ledger:ledger@', ''));
      expect(listed).toEqual([expect.objectContaining({ run_id: FAILED_RUN_ID, failed_step: 'insert' })]);
      const shown = await cli('show', FAILED_RUN_ID.slice(0, 13));
      expect(shown.exitCode).toBe(0);
      expect(shown.stdout).toContain('insert');
      const { failures } = JSON.parse((await cli('failures', '--json')).stdout);
      expect(failures).toContainEqual(expect.objectContaining({ error_type: 'DataError', count: 1 }));
    });

    it('runs a query that reads, and refuses one that writes', async () => {
      const { stdout } = await cli(
        'sql',
        'select name, attempt from execution_records order by record_id',
        '--json',
      );
      expect(JSON.parse(stdout)).toMatchObject({
        columns: ['name', 'attempt'],
        rows: expect.arrayContaining([['download', 2]]),
      });
      const refused = await cli('sql', 'with x as (select 1) delete from execution_records');
      expect(refused.exitCode).toBe(1);
      const { stdout: counted } = await cli(
        'sql',
        'select count(*) > 0 as found from execution_records',
        '--json',
      );
      expect(JSON.parse(counted).rows).toHaveLength(1);
    });

    it('checks the ledger', async () => {
      const { checks } = JSON.parse((await cli('doctor', '--json')).stdout);
      const found: Record<string, string> = Object.fromEntries(
        checks.map((check: { name: string; status: string }) => [check.name, check.status]),
      );
      expect(found).toMatchObject({
        ledger: 'ok',
        'ledger-schema': 'ok',
        'ledger-quarantine': 'warn',
        'ledger-space': 'ok',
      });
    });

    it('prunes, after saying what would go', async () => {
      const preview = await cli('prune', '--max-age', '1s', '--failed-max-age', '1s', '--dry-run', '--json');
      const { removed_by_age } = JSON.parse(preview.stdout);
      expect(removed_by_age).toBeGreaterThan(5);
      const pruned = await cli('prune', '--max-age', '1s', '--failed-max-age', '1s', '--json');
      expect(JSON.parse(pruned.stdout)).toMatchObject({ removed_by_age, dry_run: false });
      expect((await cli('runs')).stderr).toContain('no runs match');
    });

    it.each([
      ['a wrong password', (url: string) => url.replace(':ledger@', ':hunter2@')],
      ['a database that is not there', (url: string) => url.replace(/\/ledger$/, '/nowhere')],
      ['a port nobody listens on', (url: string) => url.replace(/:\d+\//, ':1/')],
    ])('says what to do about %s, and nothing of the password', async (_, change) => {
      const { exitCode, stdout, stderr } = await runCli(['runs', '--ledger', change(server.url)]);
      // A server in trust lets anybody in.
      if (exitCode === 0) return;
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(/Check|needs SELECT/);
      expect(stderr).not.toMatch(/hunter2|ledger:ledger/);
    });
  });
}

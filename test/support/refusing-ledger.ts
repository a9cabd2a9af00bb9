import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import type { SpoolOptions } from '../../src/spool/spool-options.ts';
import { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { changeFile } from './sqlite-files.ts';

/** Has a ledger refuse steps called `poison`, and to quarantine any. */
export function refusePoison(path: string): void {
  changeFile(
    path,
    `create trigger no_poison before insert on execution_records when new.name = 'poison'
       begin select raise(abort, 'refused'); end;
     create trigger no_quarantine before insert on record_quarantine
       begin select raise(abort, 'refused too'); end;`,
  );
}

/** From now on it takes them into quarantine. */
export function allowQuarantine(path: string): void {
  changeFile(path, 'drop trigger no_quarantine');
}

/** From now on it takes them at all. */
export function allowPoison(path: string): void {
  changeFile(path, 'drop trigger no_poison');
}

/** What a program has that writes to a ledger, with the spool where the command line looks for it. */
export function spoolingExporter(path: string, options: Partial<SpoolOptions> = {}): BatchRecordExporter {
  return new BatchRecordExporter(
    new SqliteRecordStore({ path }),
    {},
    (owner, onDrop) => new SpoolRecordQueue({ ...owner, directory: `${path}.spool`, ...options }, onDrop),
  );
}

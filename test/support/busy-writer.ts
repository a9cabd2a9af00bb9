// Writes runs named `busy` to the ledger given as its argument until it is killed. Says so once the first are stored.
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { runRecord } from './execution-records.ts';

const store = new SqliteRecordStore({ path: process.argv[2] ?? '' });
await store.init();
for (let batch = 0; ; batch++) {
  const startedAt = Date.now();
  await store.write(
    Array.from({ length: 50 }, (_, index) =>
      runRecord({ name: 'busy', runId: `busy-${batch}-${index}`, startedAt: startedAt + index / 1_000 }),
    ),
  );
  if (batch === 0) process.stdout.write('writing\n');
}

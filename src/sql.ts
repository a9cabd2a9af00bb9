export {
  EXECUTION_COLUMNS,
  type ExecutionColumn,
  type ExecutionColumnName,
  type ExecutionRow,
  type SqlValue,
} from './store/execution-row.ts';
export type {
  FailureGroup,
  LedgerReader,
  LedgerStats,
  QueryResult,
  RunFilter,
} from './store/ledger-reader.ts';
export type {
  Durability,
  LedgerInstance,
  LedgerReport,
  PruneReport,
  QuarantinedRecord,
  RecordLoss,
  RecordStore,
  RetentionPolicy,
} from './store/record-store.ts';
export type {
  InstanceTable,
  LedgerDatabase,
  LossTable,
  MigrationTable,
  QuarantineTable,
  RemoteChildTable,
} from './store/sql/database.ts';
export { LedgerError, type LedgerErrorCode } from './store/sql/ledger-error.ts';
export { openLedger } from './store/sql/ledger-reader.ts';
export type { MysqlPool } from './store/sql/mysql/mysql-pool.ts';
export { MysqlRecordStore, type MysqlRecordStoreOptions } from './store/sql/mysql/mysql-record-store.ts';
export { nodeSqliteDialect } from './store/sql/node-sqlite-dialect.ts';
export type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
  PostgresTypes,
} from './store/sql/postgres/postgres-pool.ts';
export {
  PostgresRecordStore,
  type PostgresRecordStoreOptions,
} from './store/sql/postgres/postgres-record-store.ts';
export { SqliteRecordStore, type SqliteRecordStoreOptions } from './store/sql/sqlite-record-store.ts';
export { SqliteStoreError } from './store/sql/sqlite-thread.ts';

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { classifyError } from '../../src/export/error-classes.ts';
import type { ErrorClass } from '../../src/export/error-families.ts';
import { codedError, sqliteError } from '../support/scripted-record-store.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('classifyError', () => {
  it.each<[ErrorClass, string, number[]]>([
    ['transient', 'SQLITE_BUSY', [5, 773]],
    ['transient', 'SQLITE_BUSY_RECOVERY', [261]],
    ['transient', 'SQLITE_BUSY_SNAPSHOT', [517]],
    ['transient', 'SQLITE_LOCKED', [6, 262, 518]],
    ['environment', 'SQLITE_IOERR', [10, 266, 522, 778, 1034]],
    ['environment', 'SQLITE_FULL', [13]],
    ['configuration', 'SQLITE_READONLY', [8, 264, 1032]],
    ['configuration', 'SQLITE_CANTOPEN', [14, 270]],
    ['fatal', 'SQLITE_CORRUPT', [11, 267]],
    ['fatal', 'SQLITE_NOTADB', [26]],
    ['data', 'SQLITE_TOOBIG', [18]],
    ['data', 'SQLITE_CONSTRAINT', [19, 275, 787, 1299, 1555, 2067, 3091]],
    ['data', 'SQLITE_MISMATCH', [20]],
    ['data', 'SQLITE_RANGE', [25]],
    ['unknown', '1', [1]],
    ['unknown', '21', [21]],
    ['unknown', '9999999', [9_999_999]],
  ])('takes SQLite result codes for %s: %s', (errorClass, code, errcodes) => {
    for (const errcode of errcodes) expect(classifyError(sqliteError(errcode))).toEqual({ errorClass, code });
  });

  it.each<[ErrorClass, string[]]>([
    ['transient', ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN']],
    ['transient', ['ERR_WORKER_NOT_RUNNING', 'ERR_WORKER_OUT_OF_MEMORY', 'RUNLEDGER_STORE_NOT_OPEN']],
    ['environment', ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENOMEM']],
    ['configuration', ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR']],
    ['transient', ['RUNLEDGER_POOLER_UNAVAILABLE', 'RUNLEDGER_NOT_REPLICATED']],
    ['configuration', ['RUNLEDGER_SCHEMA_MISMATCH', 'RUNLEDGER_STORE_CLOSED']],
    ['configuration', ['RUNLEDGER_STATEMENT_POOLING', 'RUNLEDGER_POOLER_REFUSES']],
    ['data', ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE']],
    ['unknown', ['ESTRANGE', '23505x']],
  ])('takes codes of the system for %s: %j', (errorClass, codes) => {
    for (const code of codes) expect(classifyError(codedError(code))).toEqual({ errorClass, code });
  });

  it.each<[ErrorClass, string[]]>([
    ['transient', ['08000', '08003', '08006', '08001', '08004', '08007', '53000', '53300', '57P01', '57P02']],
    ['transient', ['57P03', '57P05', '57014', '40001', '40P01', '55P03', '25006', '26000', '42P05']],
    ['environment', ['53100', '53200', '58030', '58P01']],
    [
      'configuration',
      ['28000', '28P01', '3D000', '3F000', '42501', '42P01', '42703', '42601', '0A000', '57P04'],
    ],
    ['fatal', ['XX001', 'XX002']],
    ['data', ['08P01', '21000', '22001', '22003', '22021', '22P02', '22P05', '23502', '23505', '23514']],
    ['data', ['54000', '54001', '54011', '54023']],
    ['unknown', ['XX000', 'P0001', '99999']],
  ])('takes SQLSTATEs for %s, each by its own name: %j', (errorClass, codes) => {
    for (const code of codes) expect(classifyError(codedError(code))).toEqual({ errorClass, code });
  });

  it.each<[ErrorClass, Readonly<Record<string, number>>]>([
    ['transient', { ER_CON_COUNT_ERROR: 1040, ER_LOCK_WAIT_TIMEOUT: 1205, ER_LOCK_DEADLOCK: 1213 }],
    ['transient', { CR_SERVER_GONE_ERROR: 2006, CR_SERVER_LOST: 2013, ER_CONNECTION_KILLED: 1927 }],
    [
      'transient',
      { ER_OPTION_PREVENTS_STATEMENT: 1290, ER_READ_ONLY_MODE: 1836, ER_QUERY_INTERRUPTED: 1317 },
    ],
    [
      'transient',
      { ER_UNKNOWN_COM_ERROR: 1047, ER_RUN_HOOK_ERROR: 3100, ER_TRANSACTION_ROLLBACK_DURING_COMMIT: 3101 },
    ],
    ['transient', { ER_UNKNOWN_STMT_HANDLER: 1243, ER_NEED_REPREPARE: 1615 }],
    ['configuration', { ER_MUST_CHANGE_PASSWORD: 1820, ER_ACCOUNT_HAS_BEEN_LOCKED: 3118 }],
    ['environment', { ER_DISK_FULL: 1021, ER_RECORD_FILE_FULL: 1114 }],
    ['configuration', { ER_ACCESS_DENIED_ERROR: 1045, ER_BAD_DB_ERROR: 1049, ER_NO_SUCH_TABLE: 1146 }],
    ['configuration', { ER_BAD_FIELD_ERROR: 1054, ER_TABLEACCESS_DENIED_ERROR: 1142 }],
    ['fatal', { ER_INDEX_CORRUPT: 1712, ER_CRASHED_ON_USAGE: 1194 }],
    ['data', { ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: 1366, ER_DATA_TOO_LONG: 1406, ER_BAD_NULL_ERROR: 1048 }],
    ['data', { ER_WARN_DATA_OUT_OF_RANGE: 1264, ER_INVALID_JSON_TEXT: 3140, ER_NET_PACKET_TOO_LARGE: 1153 }],
  ])('takes error numbers of MySQL for %s: %j', (errorClass, numbers) => {
    for (const [code, errno] of Object.entries(numbers)) {
      const error = Object.assign(new Error('it failed'), { code: 'ER_OF_THE_DRIVER', errno });
      expect(classifyError(error)).toEqual({ errorClass, code });
    }
    // The system's own numbers are below 0 and mean something else.
    expect(classifyError(Object.assign(codedError('ECONNREFUSED'), { errno: -111 })).errorClass).toBe(
      'transient',
    );
  });

  it.each<[ErrorClass, string, string[]]>([
    ['transient', 'SQLITE_BUSY', ['SQLITE_BUSY', 'SQLITE_BUSY_TIMEOUT']],
    ['environment', 'SQLITE_IOERR', ['SQLITE_IOERR', 'SQLITE_IOERR_WRITE']],
    ['configuration', 'SQLITE_READONLY', ['SQLITE_READONLY_DBMOVED']],
    ['fatal', 'SQLITE_CORRUPT', ['SQLITE_CORRUPT_VTAB']],
    ['data', 'SQLITE_CONSTRAINT', ['SQLITE_CONSTRAINT_NOTNULL', 'SQLITE_CONSTRAINT_PRIMARYKEY']],
    ['unknown', 'SQLITE_ERROR', ['SQLITE_ERROR']],
  ])('takes result codes of SQLite by name for %s: %s', (errorClass, code, names) => {
    for (const name of names) expect(classifyError(codedError(name))).toEqual({ errorClass, code });
  });

  it('knows the errors that node:sqlite and the platform really throw', () => {
    const database = new DatabaseSync(':memory:');
    database.exec('create table t (a integer primary key) strict; insert into t values (1)');
    expect(classifyError(thrownBy(() => database.exec('insert into t values (1)'))).errorClass).toBe('data');
    expect(classifyError(thrownBy(() => database.exec("insert into t values ('x')"))).errorClass).toBe(
      'data',
    );
    const insert = database.prepare('insert into t values (?)');
    expect(classifyError(thrownBy(() => insert.run(2n ** 70n))).errorClass).toBe('data');
    expect(classifyError(thrownBy(() => new DatabaseSync('/nowhere/x.db'))).errorClass).toBe('configuration');
    expect(classifyError(thrownBy(() => structuredClone(() => 1)))).toEqual({
      errorClass: 'data',
      code: 'DataCloneError',
    });
    expect(classifyError(AbortSignal.abort().reason).errorClass).toBe('transient');
    database.close();
  });

  it('finds the code in the causes of an error', () => {
    const wrapped = new Error('could not write', { cause: new Error('x', { cause: sqliteError(5) }) });
    expect(classifyError(wrapped)).toEqual({ errorClass: 'transient', code: 'SQLITE_BUSY' });
  });

  it('survives whatever is thrown, and shows nothing of its text', () => {
    const circular: { cause?: unknown } = {};
    circular.cause = circular;
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('no');
        },
      },
    );
    for (const thrown of [undefined, null, 'password=hunter2', 42, circular, hostile, Object.create(null)]) {
      const { errorClass, code } = classifyError(thrown);
      expect(errorClass).toBe('unknown');
      expect(code).not.toContain('hunter2');
    }
    expect(classifyError({ code: 'user:hunter2@db' }).code).not.toContain('hunter2');
  });
});

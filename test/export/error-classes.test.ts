import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { classifyError, type ErrorClass } from '../../src/export/error-classes.ts';
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
    ['configuration', ['RUNLEDGER_SCHEMA_MISMATCH', 'RUNLEDGER_STORE_CLOSED']],
    ['data', ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE']],
    ['unknown', ['ESTRANGE', '23505x']],
  ])('takes codes of the system for %s: %j', (errorClass, codes) => {
    for (const code of codes) expect(classifyError(codedError(code))).toEqual({ errorClass, code });
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

import { afterEach, describe, expect, it } from '@jest/globals';
import { PipelineInstrumentation, type RunledgerOptions } from '../../src/index.ts';
import { optionsFromEnvironment } from '../../src/sdk/environment.ts';
import { resolveOptions } from '../../src/sdk/resolve-options.ts';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';

afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('RUNLEDGER_')) delete process.env[name];
});

describe('options', () => {
  it('are complete without any', () => {
    expect(resolveOptions()).toMatchObject({
      enabled: true,
      store: { kind: 'sqlite', path: '.runledger/ledger.db' },
      retention: {},
      prometheus: false,
      slo: [],
      semconv: [],
      captureInput: false,
      recognise: true,
    });
  });

  it.each<[RunledgerOptions, string]>([
    [{ keep: { rate: 2 } }, 'keep.rate must be from 0 to 1, not 2'],
    [{ prometheus: { port: 0 } }, 'prometheus.port (0) must be an integer from 1 to 65535'],
    [{ slo: [0] }, 'slo ([0]) must be a list of seconds above 0'],
    [{ directory: '' }, "directory ('') must be a text that is not empty"],
    [{ maxLiveExecutions: 0 }, 'maxLiveExecutions (0) must be an integer of at least 1'],
    [
      { store: 'sqlite:' },
      "must be 'sqlite:PATH', 'postgres://…', 'mysql://…', 'memory:', 'none' or a RecordStore",
    ],
    [{ recognise: { rules: { bull: true } } as object }, 'unknown rules recognise.rules.bull'],
    [{ batch: { maxQueueSize: 0 } }, 'maxQueueSize must be an integer from 1'],
  ])('that can not work are refused with expectation and value: %j', (options, message) => {
    expect(() => resolveOptions(options)).toThrow(message);
  });

  it.each([
    ['keeep', 'unknown option keeep; did you mean keep?'],
    ['sink', 'unknown option sink; known are enabled, directory, store'],
  ])('that do not exist are refused with a suggestion: %s', (name, message) => {
    expect(() => resolveOptions({ [name]: 1 })).toThrow(message);
  });

  it.each<[object, string]>([
    [{ bull: {} }, 'unknown engine engines.bull; known are listr2'],
    [{ listr2: { nam: 1 } }, 'unknown option engines.listr2.nam; known are enabled, captureInput, name'],
    [{ listr2: { enabled: 'yes' } }, 'engines.listr2.enabled must be true or false'],
    [{ listr2: true }, 'engines.listr2 must be an object'],
  ])('of engines are refused too: %j', (engines, message) => {
    expect(() => resolveOptions({ engines })).toThrow(message);
    expect(() => new PipelineInstrumentation({ engines })).toThrow(message);
  });

  it('of an engine add to what the environment says of it', () => {
    process.env.RUNLEDGER_ENGINES = 'none';
    const { engines } = resolveOptions({ engines: { listr2: { captureInput: 'hash' } } });
    expect(engines?.listr2).toEqual({ enabled: false, captureInput: 'hash' });
  });

  it('are looked through to the bottom', () => {
    expect(() => resolveOptions({ prometheus: { prot: 9464 } as object })).toThrow(
      'unknown option prometheus.prot; did you mean prometheus.port?',
    );
  });

  it.each([
    ['clickhouse://me:secret@db/x', "must be 'sqlite:PATH', 'postgres://…', 'mysql://…'"],
    [
      'postgres://me:secret@db',
      'store (postgres:…) must name a database: postgres://user:password@host/database',
    ],
    ['mysql://me:secret', 'must name a database'],
    ['postgres:secret', 'must name a database'],
  ])('refuse %s without its password', (store, expected) => {
    const refuse = () => resolveOptions({ store });
    expect(refuse).toThrow(expected);
    expect(refuse).not.toThrow('secret');
  });

  it.each([
    ['postgres://me:secret@db/x', 'postgres'],
    ['postgresql://db:5433/x?sslmode=require', 'postgres'],
    ['mysql://me:secret@db/x', 'mysql'],
    ['mariadb://db/x', 'mysql'],
  ])('take a server: %s', (store, kind) => {
    expect(resolveOptions({ store }).store).toEqual({ kind, url: store });
  });

  it('take a store of your own, and say what one lacks', () => {
    const store = new MemoryRecordStore();
    expect(resolveOptions({ store }).store).toEqual({ kind: 'own', store });
    expect(() => resolveOptions({ store: {} as MemoryRecordStore })).toThrow(
      'has no init, write, quarantine',
    );
  });

  it('win over the environment, name by name', () => {
    Object.assign(process.env, {
      RUNLEDGER_KEEP_RATE: '0.5',
      RUNLEDGER_SLOW_MS: '100',
      RUNLEDGER_STORE: 'memory:',
    });
    expect(resolveOptions({ keep: { rate: 0.1 }, store: 'sqlite:x.db' })).toMatchObject({
      keep: { rate: 0.1, slowMs: 100 },
      store: { kind: 'sqlite', path: 'x.db' },
    });
  });
});

describe('the environment', () => {
  it.each<[string, string, object]>([
    ['RUNLEDGER_STORE', 'sqlite:/var/ledger.db', { store: { kind: 'sqlite', path: '/var/ledger.db' } }],
    ['RUNLEDGER_STORE', 'none', { store: { kind: 'none' } }],
    ['RUNLEDGER_DIR', 'state', { store: { kind: 'sqlite', path: 'state/ledger.db' } }],
    ['RUNLEDGER_KEEP_RATE', '0.25', { keep: { rate: 0.25 } }],
    ['RUNLEDGER_SLOW_MS', '60000', { keep: { slowMs: 60_000 } }],
    ['RUNLEDGER_CAPTURE_INPUT', 'TRUE', { captureInput: true }],
    ['RUNLEDGER_CAPTURE_INPUT', 'hash', { captureInput: 'hash' }],
    ['RUNLEDGER_PROMETHEUS_PORT', '9100', { prometheus: { port: 9100, host: '127.0.0.1' } }],
    ['RUNLEDGER_RETENTION', 'off', { retention: false }],
    ['RUNLEDGER_RETENTION', '12h', { retention: { maxAgeMs: 43_200_000 } }],
    [
      'RUNLEDGER_RETENTION',
      '7d, failed=90d, max=1gb',
      { retention: { maxAgeMs: 604_800_000, failedMaxAgeMs: 7_776_000_000, maxBytes: 1_073_741_824 } },
    ],
    ['RUNLEDGER_ENGINES', 'listr2', { engines: { listr2: { enabled: true } } }],
    ['RUNLEDGER_ENGINES', 'none', { engines: { listr2: { enabled: false } } }],
    ['RUNLEDGER_RECOGNISE', 'none', { recognise: false }],
    [
      'RUNLEDGER_RECOGNISE',
      'Effect, cicd',
      { recognise: { rules: { effect: true, cicd: true, temporal: false } } },
    ],
    ['RUNLEDGER_DISABLED', '1', { enabled: false }],
    ['RUNLEDGER_DISABLED', '', { enabled: true }],
  ])('%s=%s acts', (name, value, expected) => {
    process.env[name] = value;
    expect(resolveOptions()).toMatchObject(expected);
  });

  it.each([
    ['RUNLEDGER_DISABLED', 'maybe', 'true or false'],
    ['RUNLEDGER_KEEP_RATE', 'all', 'a number from 0 to 1'],
    ['RUNLEDGER_SLOW_MS', '-1', 'a number at least 0'],
    ['RUNLEDGER_CAPTURE_INPUT', 'yes', 'true, false or hash'],
    ['RUNLEDGER_PROMETHEUS_PORT', '99999', 'an integer from 1 to 65535'],
    ['RUNLEDGER_PROMETHEUS_PORT', '9464.5', 'an integer from 1 to 65535'],
    ['RUNLEDGER_ENGINES', 'listr2, make', 'none, or engines separated by commas, of which there are listr2'],
    ['RUNLEDGER_RECOGNISE', 'bull', 'none, or rules separated by commas, of which there are'],
    ['RUNLEDGER_RETENTION', '7 weeks', 'off, or an age as in 7d'],
  ])('%s=%s is a problem that names what was expected', (name, value, expected) => {
    const { options, problems } = optionsFromEnvironment({ [name]: value });
    expect(options).toEqual({});
    expect(problems).toEqual([expect.stringContaining(`${name} (${value}) must be ${expected}`)]);
    process.env[name] = value;
    expect(() => resolveOptions()).toThrow(`${name} (${value}) must be`);
  });

  it('never shows the password of a store it refuses', () => {
    process.env.RUNLEDGER_STORE = 'postgres://me:secret@db';
    expect(() => resolveOptions()).toThrow('RUNLEDGER_STORE: store (postgres:…) must name a database');
  });
});

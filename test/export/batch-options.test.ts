import { describe, expect, it } from '@jest/globals';
import { type BatchOptions, resolveBatchOptions } from '../../src/export/batch-options.ts';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { ScriptedRecordStore } from '../support/scripted-record-store.ts';

describe('options of the batch exporter', () => {
  it('have the documented defaults, and can not be changed afterwards', () => {
    const resolved = resolveBatchOptions();
    expect(resolved).toMatchObject({
      maxQueueSize: 50_000,
      maxQueueBytes: 67_108_864,
      maxExportBatchSize: 512,
      maxBacklogBatchSize: 2048,
      scheduledDelayMillis: 50,
      exportTimeoutMillis: 30_000,
      shutdownTimeoutMillis: 5_000,
      retry: { baseDelayMillis: 100, maxDelayMillis: 5_000 },
    });
    expect(Object.isFrozen(resolved) && Object.isFrozen(resolved.retry)).toBe(true);
  });

  it.each<[string, object]>([
    ['maxQueueSize must be an integer from 1 to 9007199254740991, got 0', { maxQueueSize: 0 }],
    ['maxQueueSize must be an integer from 1 to 9007199254740991, got "10"', { maxQueueSize: '10' }],
    ['scheduledDelayMillis must be an integer from 0 to 2147483647, got -1', { scheduledDelayMillis: -1 }],
    [
      'exportTimeoutMillis must be an integer from 1 to 2147483647, got Infinity',
      { exportTimeoutMillis: Infinity },
    ],
    [
      'maxExportBatchSize (512) must not exceed maxQueueSize (100)',
      { maxExportBatchSize: 512, maxQueueSize: 100 },
    ],
    [
      'maxExportBatchSize (512) must not exceed maxBacklogBatchSize (100)',
      { maxExportBatchSize: 512, maxBacklogBatchSize: 100 },
    ],
    [
      'retry.baseDelayMillis (200) must not exceed retry.maxDelayMillis (100)',
      { retry: { baseDelayMillis: 200, maxDelayMillis: 100 } },
    ],
    ['retry.random must be a function, got 7', { retry: { random: 7 } }],
    ['unknown option maxQueueSise; known are maxQueueSize,', { maxQueueSise: 1 }],
    ['unknown option retry.attempts; known are retry.baseDelayMillis,', { retry: { attempts: 3 } }],
    ['retry must be an object, got null', { retry: null }],
  ])('that can not work are refused: %s', (message, options) => {
    expect(() => new BatchRecordExporter(new ScriptedRecordStore(), options as BatchOptions)).toThrow(
      message,
    );
  });

  it('that are defaults give way to what was stated', () => {
    expect(resolveBatchOptions({ maxQueueSize: 100 }).maxExportBatchSize).toBe(100);
    expect(resolveBatchOptions({ maxBacklogBatchSize: 64 }).maxExportBatchSize).toBe(64);
    expect(resolveBatchOptions({ maxExportBatchSize: 8_192 }).maxBacklogBatchSize).toBe(8_192);
    expect(resolveBatchOptions({ scheduledDelayMillis: 0 }).scheduledDelayMillis).toBe(0);
  });
});

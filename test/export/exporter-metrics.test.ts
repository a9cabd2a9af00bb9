import { describe, expect, it } from '@jest/globals';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { registerExporterMetrics } from '../../src/export/exporter-metrics.ts';
import { stepRecord } from '../support/execution-records.ts';
import { never, ScriptedRecordStore, sqliteError } from '../support/scripted-record-store.ts';

/** The points of every metric, as `name{reason}` to value; a histogram's value is its count. */
async function collect(reader: PeriodicExportingMetricReader): Promise<Record<string, number>> {
  const { resourceMetrics, errors } = await reader.collect();
  expect(errors).toEqual([]);
  const points: Record<string, number> = {};
  for (const metric of resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)) {
    for (const { attributes, value } of metric.dataPoints) {
      const reason = attributes['runledger.reason'];
      const name = metric.descriptor.name.replace('runledger.', '');
      points[reason === undefined ? name : `${name}{${reason}}`] =
        typeof value === 'number' ? value : value.count;
    }
  }
  return points;
}

describe('metrics of the exporter', () => {
  it('say where every record is, and how long writes took', async () => {
    const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 });
    const meters = new MeterProvider({ readers: [reader] });
    const store = new ScriptedRecordStore({
      write: (records) => {
        if (records.some(({ name }) => name === 'poison')) throw sqliteError(19);
      },
    });
    const exporter = new BatchRecordExporter(store, { maxQueueSize: 4, shutdownTimeoutMillis: 50 });
    registerExporterMetrics(meters.getMeter('test'), exporter);
    for (const name of ['dropped', 'poison', 'load', 'load', 'load']) exporter.export(stepRecord({ name }));
    exporter.sampledOut(7);
    await exporter.forceFlush();
    store.script = { write: never };
    exporter.export(stepRecord());
    expect(await collect(reader)).toEqual({
      'records.created': 13,
      'records.stored': 3,
      'records.sampled_out': 7,
      'records.quarantined': 1,
      'records.dropped{queue_full}': 1,
      'records.dropped{spool_full}': 0,
      'records.dropped{spool_io_error}': 0,
      'records.dropped{corrupt_frame}': 0,
      'records.dropped{after_shutdown}': 0,
      'records.dropped{shutdown_deadline}': 0,
      'records.dropped{quarantine_failed}': 0,
      'records.dropped{internal_error}': 0,
      'records.recovered': 0,
      'records.queued': 1,
      'records.queued_bytes': exporter.accounts().queuedBytes,
      'records.spooled': 0,
      'spool.bytes': 0,
      'spool.oldest_age': 0,
      'store.breaker': 0,
      'store.write.duration': 2,
      'store.write.duration{refused}': 3,
    });
    await exporter.shutdown();
    expect(await collect(reader)).toMatchObject({
      'records.dropped{shutdown_deadline}': 1,
      'records.queued': 0,
    });
    await meters.shutdown();
  });
});

import type { Meter } from '@opentelemetry/api';
import {
  ATTR_REASON,
  METRIC_RECORDS_CREATED,
  METRIC_RECORDS_DROPPED,
  METRIC_RECORDS_QUARANTINED,
  METRIC_RECORDS_QUEUED,
  METRIC_RECORDS_QUEUED_BYTES,
  METRIC_RECORDS_SAMPLED_OUT,
  METRIC_RECORDS_STORED,
  METRIC_STORE_WRITE_DURATION,
} from '../semconv.ts';
import type { RecordAccounts } from './record-exporter.ts';
import type { WriteListener } from './store-session.ts';

/** What is measured of an exporter. */
export interface MeasuredExporter {
  accounts(): RecordAccounts;
  onStoreWrite(listener: WriteListener): void;
}

/** Seconds: a local commit takes one to ten milliseconds, a write that hangs is cut at thirty seconds. */
const WRITE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Registers the metrics of an exporter. The counts are read when the metrics are collected, all from one look at
 * the accounts, so that created = stored + queued + sampled out + quarantined + dropped holds in every collection.
 */
export function registerExporterMetrics(meter: Meter, exporter: MeasuredExporter): void {
  const records = { unit: '{record}' };
  const created = counter(meter, METRIC_RECORDS_CREATED, 'Records that came into being');
  const stored = counter(meter, METRIC_RECORDS_STORED, 'Records the store has');
  const sampledOut = counter(meter, METRIC_RECORDS_SAMPLED_OUT, 'Records the keep policy let go');
  const quarantined = counter(
    meter,
    METRIC_RECORDS_QUARANTINED,
    'Records refused for their content and set aside',
  );
  const dropped = counter(meter, METRIC_RECORDS_DROPPED, 'Records lost, by reason');
  const queued = meter.createObservableGauge(METRIC_RECORDS_QUEUED, {
    ...records,
    description: 'Records waiting or in flight',
  });
  const queuedBytes = meter.createObservableGauge(METRIC_RECORDS_QUEUED_BYTES, {
    unit: 'By',
    description: 'Estimated size of the records waiting or in flight',
  });
  const writeDuration = meter.createHistogram(METRIC_STORE_WRITE_DURATION, {
    unit: 's',
    description: 'Time a write to the store took',
    advice: { explicitBucketBoundaries: WRITE_BUCKETS },
  });
  exporter.onStoreWrite((seconds, isStored) => {
    writeDuration.record(seconds, isStored ? {} : { [ATTR_REASON]: 'refused' });
  });
  meter.addBatchObservableCallback(
    (result) => {
      const accounts = exporter.accounts();
      result.observe(created, accounts.created);
      result.observe(stored, accounts.stored);
      result.observe(sampledOut, accounts.sampledOut);
      result.observe(quarantined, accounts.quarantined);
      for (const [reason, count] of Object.entries(accounts.dropped)) {
        result.observe(dropped, count, { [ATTR_REASON]: reason });
      }
      result.observe(queued, accounts.queued);
      result.observe(queuedBytes, accounts.queuedBytes);
    },
    [created, stored, sampledOut, quarantined, dropped, queued, queuedBytes],
  );
}

function counter(
  meter: Meter,
  name: string,
  description: string,
): ReturnType<Meter['createObservableCounter']> {
  return meter.createObservableCounter(name, { unit: '{record}', description });
}

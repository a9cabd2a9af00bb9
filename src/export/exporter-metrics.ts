import type { Meter } from '@opentelemetry/api';
import {
  ATTR_REASON,
  METRIC_RECORDS_CREATED,
  METRIC_RECORDS_DROPPED,
  METRIC_RECORDS_QUARANTINED,
  METRIC_RECORDS_QUEUED,
  METRIC_RECORDS_QUEUED_BYTES,
  METRIC_RECORDS_RECOVERED,
  METRIC_RECORDS_SAMPLED_OUT,
  METRIC_RECORDS_SPOOLED,
  METRIC_RECORDS_STORED,
  METRIC_SPOOL_BYTES,
  METRIC_SPOOL_OLDEST_AGE,
  METRIC_STORE_BREAKER,
  METRIC_STORE_WRITE_DURATION,
} from '../semconv.ts';
import type { BreakerState } from './breaker.ts';
import type { RecordAccounts } from './record-exporter.ts';
import type { WriteListener } from './store-session.ts';

/** What is measured of an exporter. */
export interface MeasuredExporter {
  accounts(): RecordAccounts;
  readonly breakerState: BreakerState;
  readonly spoolSince: number | undefined;
  onStoreWrite(listener: WriteListener): void;
}

/** Seconds: a local commit takes one to ten milliseconds, a write that hangs is cut at thirty seconds. */
const WRITE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const BREAKER_VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 0.5, open: 1 };

/**
 * Registers the metrics of an exporter. The counts are read when the metrics are collected, all from one look at
 * the accounts, so that created + recovered = stored + queued + spooled + sampled out + quarantined + dropped holds in every collection.
 */
export function registerExporterMetrics(meter: Meter, exporter: MeasuredExporter): void {
  const records = { unit: '{record}' };
  const created = counter(meter, METRIC_RECORDS_CREATED, 'Records that came into being');
  const recovered = counter(meter, METRIC_RECORDS_RECOVERED, 'Records taken over from processes that died');
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
  const spooled = meter.createObservableGauge(METRIC_RECORDS_SPOOLED, {
    ...records,
    description: 'Records waiting on disk alone',
  });
  const spoolBytes = meter.createObservableGauge(METRIC_SPOOL_BYTES, {
    unit: 'By',
    description: 'Size of the spool on disk',
  });
  const spoolAge = meter.createObservableGauge(METRIC_SPOOL_OLDEST_AGE, {
    unit: 's',
    description: 'Age of the oldest record on disk that is not stored; 0 where there is none',
  });
  const breaker = meter.createObservableGauge(METRIC_STORE_BREAKER, {
    unit: '1',
    description: 'Whether the store is left alone: 0 closed, 0.5 half open, 1 open',
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
      result.observe(recovered, accounts.recovered);
      result.observe(stored, accounts.stored);
      result.observe(sampledOut, accounts.sampledOut);
      result.observe(quarantined, accounts.quarantined);
      for (const [reason, count] of Object.entries(accounts.dropped)) {
        result.observe(dropped, count, { [ATTR_REASON]: reason });
      }
      result.observe(queued, accounts.queued);
      result.observe(queuedBytes, accounts.queuedBytes);
      result.observe(spooled, accounts.spooled);
      result.observe(spoolBytes, accounts.spoolBytes);
      result.observe(spoolAge, ageOf(exporter.spoolSince));
      result.observe(breaker, BREAKER_VALUES[exporter.breakerState]);
    },
    [
      created,
      recovered,
      stored,
      sampledOut,
      quarantined,
      dropped,
      queued,
      queuedBytes,
      spooled,
      spoolBytes,
      spoolAge,
      breaker,
    ],
  );
}

function ageOf(since: number | undefined): number {
  return since === undefined ? 0 : Math.max(0, (Date.now() - since) / 1_000);
}

function counter(
  meter: Meter,
  name: string,
  description: string,
): ReturnType<Meter['createObservableCounter']> {
  return meter.createObservableCounter(name, { unit: '{record}', description });
}

import { requireFromSdkNode } from '../instrumentation/sdk-packages.ts';
import { registeredTracerProvider, withdrawGlobals } from '../sdk/otel-globals.ts';
import { createRunledger, type Runledger } from '../sdk/runledger.ts';
import { withRunledger } from '../sdk/with-runledger.ts';
import type { ExecutionRow } from '../store/execution-row.ts';
import { MemoryRecordStore } from '../store/memory-record-store.ts';

/** Where the records of scenarios can be seen. */
export interface Recording {
  /** Called before the first scenario that records. */
  start(): void | Promise<void>;
  /** Everything on record about what has ended. */
  rows(): Promise<readonly ExecutionRow[]>;
  /** Releases what `start` took. */
  close(): Promise<void>;
}

/**
 * Records what happens in this process, in memory: for libraries that publish on the pipeline channels, for code that
 * uses runledger itself, and for engines handed to `instrument`. It starts an OpenTelemetry SDK that exports nothing,
 * from the installed `@opentelemetry/sdk-node` of either line; `start` throws where that is missing or where another
 * SDK is registered already. Load hooks do not see what a test runner loads its own way (jest and vitest do): drive an
 * engine that needs them in processes of its own, and look at their ledger with {@link recordInLedger}.
 */
export function recordInProcess(): Recording {
  return new ProcessRecording();
}

/**
 * Looks at the ledger that the processes of an engine write: a path, `.runledger/ledger.db` in the folder they run in.
 * Have them wait for it at their end, with `RUNLEDGER_DRAIN_ON_EXIT=true`. A ledger that is not there yet holds nothing.
 */
export function recordInLedger(path: string): Recording {
  return {
    start() {},
    rows: () => rowsOfLedger(path),
    close: () => Promise.resolve(),
  };
}

interface NodeSdk {
  start(): void;
  shutdown(): Promise<void>;
}

interface SdkNodeModule {
  readonly NodeSDK: new (configuration: object) => NodeSdk;
}

/** Nothing leaves the process, and nothing is looked up. */
const QUIET = {
  autoDetectResources: false,
  spanProcessors: [],
  metricReaders: [],
  logRecordProcessors: [],
  instrumentations: [],
};

class ProcessRecording implements Recording {
  readonly #store = new MemoryRecordStore({ maxRecords: 100_000 });
  #ledger: Runledger | undefined;
  #sdk: NodeSdk | undefined;

  start(): void {
    if (registeredTracerProvider() !== undefined)
      throw new Error('recordInProcess starts an OpenTelemetry SDK, and this process has one already');
    const { NodeSDK } = sdkNode();
    const ledger = createRunledger({
      enabled: true,
      store: this.#store,
      keep: { rate: 1 },
      retention: false,
    });
    this.#ledger = ledger;
    this.#sdk = new NodeSDK(withRunledger(QUIET, ledger));
    this.#sdk.start();
  }

  async rows(): Promise<readonly ExecutionRow[]> {
    await this.#ledger?.forceFlush();
    return this.#store.rows();
  }

  async close(): Promise<void> {
    const sdk = this.#sdk;
    this.#sdk = undefined;
    if (sdk === undefined) return;
    this.#ledger?.instrumentation.disable();
    await sdk.shutdown();
    withdrawGlobals();
  }
}

function sdkNode(): SdkNodeModule {
  const require = requireFromSdkNode();
  if (require !== undefined) return require('@opentelemetry/sdk-node') as SdkNodeModule;
  throw new Error(
    'recordInProcess needs the OpenTelemetry SDK: npm install --save-dev @opentelemetry/sdk-node',
  );
}

async function rowsOfLedger(path: string): Promise<readonly ExecutionRow[]> {
  const { existsSync } = await import('node:fs');
  if (!existsSync(path)) return [];
  const { openLedger } = await import('../store/sql/ledger-reader.ts');
  const ledger = await openLedger(path);
  try {
    const { columns, rows } = await ledger.query('select * from execution_records order by record_id');
    // Every column of the table is asked for, so each of these is a row.
    return rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])) as ExecutionRow);
  } finally {
    await ledger.close();
  }
}

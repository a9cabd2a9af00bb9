// Does everything there is a metric for, then prints what Prometheus would scrape, and which addresses answer.
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { attempts, MemoryRecordStore, runPipeline, withRunledger } from '../../../src/index.ts';

class BusyOnce extends MemoryRecordStore {
  #isBusy = true;

  async write(records) {
    if (!this.#isBusy) return super.write(records);
    this.#isBusy = false;
    throw Object.assign(new Error('busy'), { code: 'EBUSY' });
  }
}

const port = Number(process.argv[2]);
const configuration = { serviceName: 'shop', spanProcessors: [], metricReaders: [], logRecordProcessors: [] };
const sdk = new NodeSDK(
  withRunledger(configuration, {
    store: new BusyOnce(),
    prometheus: { port },
    slo: [0.3],
    semconv: ['cicd'],
  }),
);
sdk.start();

await runPipeline('import', { waitMs: 5 }, async (run) => {
  run.interrupt('ask', 'approval');
  run.resume('ask');
  for await (const attempt of attempts({ maxAttempts: 2 })) {
    await attempt.try(() =>
      run.step('summarise', attempt, (step) => {
        step.add({ costUsd: 0.5, tokensIn: 100 });
        if (!attempt.final) throw new TypeError('row 7 has no date');
      }),
    );
  }
  run.startStep('publish').reject({ reason: 'rate_limit' });
});
await runPipeline('import', async () => {
  // A run is under way, and the records of the one before are stored.
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  let text = await scrape();
  while (!/^runledger_records_stored_total\S* [1-9]/m.test(text)) text = await scrape();
  process.stdout.write(text);
});

const addresses = Object.values(networkInterfaces()).flatMap((list) => list.map(({ address }) => address));
for (const address of new Set([...addresses, '127.0.0.1', '127.0.0.2', '::1'])) {
  const socket = connect({ port, host: address, timeout: 500 });
  socket.on('timeout', () => socket.destroy(new Error('timeout')));
  const isAnswered = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  if (isAnswered) process.stdout.write(`# answers on ${address}\n`);
}
await sdk.shutdown();

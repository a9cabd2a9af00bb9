// A run that holds a secret in every place a value can be in. Prints what its metrics endpoint answers.
import { inspect } from 'node:util';
import { DiagConsoleLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import pg from 'pg';
import { createRunledger, RejectedError, runPipeline, SkipError, withRunledger } from '../../../src/index.ts';

const canary = (place) => `canary-${place}-5ecre7`;
const takeOut = (text) => text?.replace(/canary-[a-z-]+-5ecre7/g, '[secret]');
const redact = (record) =>
  Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, typeof value === 'string' ? takeOut(value) : value]),
  );

diag.setLogger(new DiagConsoleLogger(), { logLevel: DiagLogLevel.ALL });
const ledger = createRunledger({ redact, retention: false, prometheus: { port: Number(process.argv[2]) } });
const sdk = new NodeSDK(
  withRunledger({ serviceName: 'secrets', autoDetectResources: false, spanProcessors: [] }, ledger),
);
sdk.start();

/** As drivers and platforms make them: what is secret is in properties beside the message. */
function hostileErrors() {
  const pool = new pg.Pool({ connectionString: `postgres://u:${canary('pool')}@127.0.0.1:1/db` });
  const url = catching(() => new URL(`postgres//u:${canary('url')}@h`));
  return [
    Object.assign(new Error('duplicate key'), {
      detail: `Key (iban)=(${canary('detail')}) already exists.`,
      where: canary('where'),
      query: `select '${canary('query')}'`,
      parameters: [canary('parameters')],
      internalQuery: canary('internal-query'),
      hint: canary('hint'),
    }),
    Object.assign(new TypeError('Invalid URL'), {
      code: 'ERR_INVALID_URL',
      input: url?.input,
      base: canary('base'),
    }),
    Object.assign(new Error('no connection'), {
      pool,
      options: pool.options,
      client: { password: canary('password') },
    }),
    Object.assign(new Error('request failed'), {
      config: { headers: { authorization: `Bearer ${canary('bearer')}` } },
      response: { data: canary('response') },
    }),
    new Error(`message with ${canary('message')}`),
    new Error('outer', { cause: new Error(`cause with ${canary('cause')}`) }),
    new AggregateError([new Error(canary('member'))], 'several'),
    new Error(inspect({ password: canary('inspected') })),
    Object.assign(new Error('with a code'), { code: canary('code') }),
  ];
}

function catching(fn) {
  try {
    fn();
  } catch (error) {
    return error;
  }
}

for (const error of hostileErrors()) {
  await runPipeline('secrets', { input: { token: canary('input') } }, async (run) => {
    run.add({ output: canary('output') });
    await run.step('charge', { input: canary('step-input') }, async () => {
      throw error;
    });
  }).catch(() => {});
}
await runPipeline(
  'secrets',
  {
    correlationId: canary('correlation'),
    tenant: canary('tenant'),
    workerId: canary('worker'),
    source: canary('source'),
    target: [canary('target')],
    attributes: { 'http.url': `https://u:${canary('attribute')}@h/?token=${canary('parameter')}` },
  },
  async (run) => {
    run.checkpoint(canary('checkpoint'));
    for (const error of [
      new SkipError(canary('skip')),
      new RejectedError({ reason: 'policy', detail: canary('rejection') }),
    ]) {
      await run
        .step('answer', async () => {
          throw error;
        })
        .catch(() => {});
    }
  },
);
await Promise.race([ledger.forceFlush(), new Promise((resolve) => setTimeout(resolve, 1_500))]);
process.stdout.write(await (await fetch(`http://127.0.0.1:${process.argv[2]}/metrics`)).text());
process.stdout.write(inspect(ledger.accounts()));
// As hard as it can end: what is in the spool and the write-ahead log stays there.
process.kill(process.pid, 'SIGKILL');

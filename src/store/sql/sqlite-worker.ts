import { parentPort, workerData } from 'node:worker_threads';
import { SqliteLedger } from './sqlite-ledger.ts';
import {
  type ErrorMessage,
  SIGNAL,
  type WorkerCall,
  type WorkerCalls,
  type WorkerData,
  type WorkerRequest,
  type WorkerResponse,
} from './sqlite-protocol.ts';

// Entry point of the thread that owns the connection. No SDK is registered in it, so nothing here is traced.
const { settings } = workerData as WorkerData;
const ledger = new SqliteLedger(settings);

parentPort?.on('message', (request: WorkerRequest) => {
  void answer(request).then((response) => parentPort?.postMessage(response));
});

async function answer(request: WorkerRequest): Promise<WorkerResponse> {
  try {
    return { id: request.id, result: await perform(request) };
  } catch (error) {
    return { id: request.id, error: messageOf(error) };
  }
}

async function perform(request: WorkerRequest): Promise<WorkerCalls[WorkerCall]['result']> {
  switch (request.call) {
    case 'init':
      return ledger.init(request.argument.now);
    case 'write':
      ledger.write(request.argument);
      return undefined;
    case 'writeAtExit':
      writeAndSignal(request.argument);
      return undefined;
    case 'interrupt':
      return ledger.interrupt(request.argument.instanceIds, request.argument.silentBefore);
    case 'quarantine':
      ledger.quarantine(request.argument);
      return undefined;
    case 'discard':
      return ledger.discard(request.argument);
    case 'prune':
      return ledger.prune(request.argument.policy, request.argument.now);
    case 'close':
      await ledger.close();
      return undefined;
  }
}

/** The thread that asked is blocked, so it is told through the memory both see. */
function writeAndSignal({ content, signal }: WorkerCalls['writeAtExit']['argument']): void {
  let outcome: number = SIGNAL.failed;
  try {
    ledger.write(content);
    outcome = SIGNAL.stored;
  } finally {
    Atomics.store(signal, 0, outcome);
    Atomics.notify(signal, 0);
  }
}

function messageOf(error: unknown): ErrorMessage {
  const { message, code, errcode } = error as Error & { code?: unknown; errcode?: unknown };
  return {
    message: String(message),
    code: typeof code === 'string' ? code : undefined,
    errcode: typeof errcode === 'number' ? errcode : undefined,
  };
}

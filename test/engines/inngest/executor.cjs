// What the Inngest server does for one run: it calls the application again and again, each time with the results of the
// steps so far, until the function has returned or failed for good.
const { randomBytes } = require('node:crypto');

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function ulid() {
  let time = '';
  for (let rest = Date.now(); time.length < 10; rest = Math.floor(rest / 32)) time = DIGITS[rest % 32] + time;
  return time + Array.from(randomBytes(16), (byte) => DIGITS[byte % 32]).join('');
}

/** A run before its first call. Plain data: another process can go on with it. */
exports.newRun = (functionId, { data = {}, maxAttempts = 3 } = {}) => ({
  functionId,
  maxAttempts,
  runId: ulid(),
  event: { id: ulid(), name: 'test/run', data, ts: Date.now() },
  steps: {},
  stack: [],
});

/** Goes on with a run for so many calls at most. Its end, or undefined where there is none yet. */
exports.execute = async (handler, run, calls = Number.POSITIVE_INFINITY) => {
  const { functionId, maxAttempts, runId, event, steps, stack } = run;
  let left = calls;

  const call = async (stepId, attempt, isParallel) => {
    left--;
    const url = `http://localhost/api/inngest?fnId=${functionId}&stepId=${stepId}`;
    const ctx = {
      ...{ run_id: runId, attempt, max_attempts: maxAttempts, use_api: false },
      ...{ disable_immediate_execution: isParallel, stack: { stack, current: stack.length } },
    };
    const response = await handler(
      new Request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', host: 'localhost' },
        body: JSON.stringify({ version: 2, event, events: [event], steps, ctx }),
      }),
    );
    const isLast = response.headers.get('x-inngest-no-retry') === 'true' || attempt + 1 >= maxAttempts;
    return { status: response.status, isLast, body: await response.json() };
  };

  /** One entry in the server's queue: tried until it did not fail. */
  const perform = async (stepId, isParallel) => {
    for (let attempt = 0; ; attempt++) {
      const { status, isLast, body } = await call(stepId, attempt, isParallel);
      if (status === 200) return { end: { result: body } };
      if (status !== 206 && isLast) return { end: { error: body } };
      if (status === 206 && !body.some(({ op }) => op === 'StepError')) return { ops: body };
    }
  };

  const settle = (ops) => {
    for (const { id, op, data, error } of ops) {
      if (op === 'StepPlanned') continue;
      steps[id] = op === 'StepFailed' ? { type: 'error', error } : { type: 'data', data: data ?? null };
      stack.push(id);
    }
  };

  let isParallel = false;
  while (left > 0) {
    const { end, ops = [] } = await perform('step', isParallel);
    if (end !== undefined) return end;
    const planned = ops.filter(({ op }) => op === 'StepPlanned');
    isParallel = planned.length > 1;
    const done = await Promise.all(planned.map(({ id }) => perform(id, isParallel)));
    for (const each of [ops, ...done.map(({ ops: own = [] }) => own)]) settle(each);
  }
  return undefined;
};

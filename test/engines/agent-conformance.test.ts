import { unsupported } from '../../src/testing.ts';
import { describeEngineConformance } from '../support/engine-conformance.ts';

describeEngineConformance({
  engine: 'langgraph',
  except: {
    skip: unsupported('langgraph takes no edge to a node that is not needed'),
    reject: unsupported('langgraph admits every run'),
  },
});

/** The SDK tells the model that a tool failed, and goes on. */
const TOLD = { outcome: ['success'], errorType: null, errorMessage: null, failedStep: null } as const;

describeEngineConformance({
  engine: 'ai-sdk',
  except: {
    inside: { besides: { run: ['planner'] } },
    // It tries errors of its own again, and what recovers is its step.
    retry: { differences: { 'flaky #1': { errorType: 'AI_APICallError' }, run: { recoveredFailures: 0 } } },
    exhausted: {
      differences: {
        flaky: { errorType: 'AI_APICallError' },
        run: {
          errorType: 'AI_RetryError',
          errorMessage: 'Failed after 2 attempts. Last error: AI_APICallError: never',
        },
      },
    },
    parallel: { differences: { run: TOLD }, besides: { run: ['planner'] } },
    nested: { differences: { prepare: { ...TOLD, name: 'step 1', recoveredFailures: 1 }, run: TOLD } },
    skip: unsupported('the AI SDK calls every tool its model asks for, or asks whether it may'),
    reject: unsupported('the AI SDK admits every call'),
    'cross-process': unsupported(
      'a call of the AI SDK runs in one process; an answer to what it asks is another call',
    ),
  },
});

import { unsupported } from '../../src/testing.ts';
import { describeEngineConformance } from '../support/engine-conformance.ts';

describeEngineConformance({
  engine: 'langgraph',
  except: {
    skip: unsupported('langgraph takes no edge to a node that is not needed'),
    reject: unsupported('langgraph has no rate limits'),
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
    skip: unsupported('a tool of the AI SDK that is not needed is not asked for'),
    // A call of a tool that the application does not approve of, whatever its reason.
    reject: { differences: { sync: { rejectionReason: 'policy' } }, besides: { run: ['planner'] } },
    'cross-process': unsupported(
      'a call of the AI SDK runs in one process; an answer to what it asks is another call',
    ),
  },
});

/** The SDK wraps what a tool throws. */
const failedTool = (error: string) => ({
  errorType: 'ToolCallError',
  errorMessage: `Failed to run function tools: ${error}`,
});
/** It keeps of what the call of a model throws the message alone. */
const failedCall = { errorType: 'Error' };

describeEngineConformance({
  engine: 'openai-agents',
  // In tests the SDK traces nothing.
  program: { env: { NODE_ENV: 'production' } },
  except: {
    success: { besides: { run: ['mini', 'mini', 'mini'] } },
    inside: { besides: { run: ['mini', 'mini'] } },
    retry: { differences: { 'flaky #1': failedCall, run: { recoveredFailures: 0 } } },
    failure: {
      differences: { run: failedTool('TypeError: no such column') },
      besides: { run: ['mini', 'mini'] },
    },
    exhausted: { differences: { flaky: failedCall } },
    parallel: { differences: { run: failedTool('RangeError: left broke') }, besides: { run: ['mini'] } },
    cancel: { besides: { run: ['mini'] } },
    timeout: { besides: { run: ['mini'] } },
    nested: {
      differences: {
        prepare: failedTool('TypeError: not a zip file'),
        run: failedTool('TypeError: not a zip file'),
      },
      besides: { prepare: ['mini', 'mini'] },
    },
    'cross-process': { besides: { run: ['mini', 'mini'] } },
    crash: { besides: { run: ['mini'] } },
    skip: unsupported('a tool of the agents SDK that is not enabled is not offered to the model'),
    // It is the run that a guardrail does not let in, whatever its reason.
    reject: {
      differences: {
        run: { outcome: ['rejection'], rejectionReason: 'policy' },
        sync: { rejectionReason: 'policy' },
      },
    },
  },
});

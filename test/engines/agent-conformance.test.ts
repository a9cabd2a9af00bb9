import { unsupported } from '../../src/testing.ts';
import { describeEngineConformance } from '../support/engine-conformance.ts';

describeEngineConformance({
  engine: 'langgraph',
  except: {
    skip: unsupported('langgraph takes no edge to a node that is not needed'),
    reject: unsupported('langgraph admits every run'),
  },
});

import { unsupported } from '../../src/testing.ts';
import { describeEngineConformance } from '../support/engine-conformance.ts';

describeEngineConformance({
  engine: 'listr2',
  namesRuns: false,
  except: {
    timeout: unsupported('listr2 has no time limits'),
    reject: unsupported('listr2 admits every run'),
    'cross-process': unsupported('a list of listr2 runs in one process'),
  },
});

describeEngineConformance({
  engine: 'gulp',
  namesRuns: false,
  except: {
    retry: unsupported('gulp tries nothing twice'),
    exhausted: unsupported('gulp tries nothing twice'),
    skip: unsupported('gulp skips no task'),
    cancel: unsupported('a run of gulp can not be cancelled'),
    timeout: unsupported('gulp has no time limits'),
    reject: unsupported('gulp admits every run'),
    'cross-process': unsupported('a run of gulp stays in its process'),
  },
});

describeEngineConformance({
  engine: 'inngest',
  except: {
    skip: unsupported('a step of inngest that is not needed is not asked for'),
    cancel: unsupported('inngest cancels a run at its server, and the application is not told'),
    timeout: unsupported('inngest limits times at its server, and the application is not told'),
    reject: unsupported('inngest limits rates at its server, and the application is not called'),
    nested: unsupported('a step of inngest has no steps'),
    // Inngest is going to call another process for what is left of it.
    crash: { differences: { run: { outcome: ['suspended'], errorType: null } } },
  },
});

describeEngineConformance({
  engine: 'medusa',
  except: {
    cancel: unsupported('medusa lets a step that is at work end, and reverts then'),
    timeout: unsupported('time limits need a scheduler, which the orchestration leaves to its storage'),
    reject: unsupported('medusa admits every run'),
    nested: unsupported('a step of medusa has no steps; a workflow it runs is a pipeline'),
    'cross-process': unsupported(
      'a transaction in several processes needs a storage, which the orchestration has none of',
    ),
  },
});

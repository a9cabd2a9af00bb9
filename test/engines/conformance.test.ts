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

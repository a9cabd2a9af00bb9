import { unsupported } from '../../src/testing.ts';
import { describeEngineConformance } from '../support/engine-conformance.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';

describeEngineConformance({
  engine: 'agenda',
  unit: 'pipeline',
  server: {
    isInstalled: hasPostgres,
    start: startPostgres,
    environment: ({ url }) => ({ DATABASE_URL: url }),
  },
  except: {
    skip: unsupported('a job of agenda that is disabled is not taken'),
    reject: unsupported('agenda has no rate limits: a job waits for a place'),
    nested: unsupported('a job of agenda has no jobs; one that it adds is a run of its own'),
  },
});

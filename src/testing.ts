export type { ExecutionRow } from './store/execution-row.ts';
export {
  type ConformanceTest,
  conformanceTests,
  type EngineDriver,
  type ScenarioDriver,
  type ScenarioRun,
  type UnsupportedScenario,
  unsupported,
} from './testing/conformance-tests.ts';
export type { Difference, UnitKind } from './testing/expected-execution.ts';
export { type Recording, recordInLedger, recordInProcess } from './testing/recordings.ts';
export type { EndlessWork, ScenarioId, ScenarioWork, UnitWork } from './testing/scenario-work.ts';
export { conformanceScenario, SCENARIO_IDS, type Scenario } from './testing/scenarios.ts';

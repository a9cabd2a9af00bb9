import type { ExecutionKind, Outcome, RejectionReason } from '../execution.ts';

/** What must be on record about an execution. What is left undefined is not looked at; `null` must be absent. */
export interface ExpectedExecution {
  readonly kind: ExecutionKind;
  /** Undefined where the engine names it by itself. */
  readonly name: string | undefined;
  readonly attempt: number;
  /** Several where the engine may decide; `suspended` for a run that is not over. */
  readonly outcome: readonly (Outcome | 'suspended')[];
  readonly errorType?: string | null | undefined;
  readonly errorMessage?: string | null | undefined;
  readonly failedStep?: string | null | undefined;
  readonly recoveredFailures?: number | undefined;
  readonly skipReason?: string | null | undefined;
  readonly rejectionReason?: RejectionReason | null | undefined;
  /** Whether an attempt is the last one: its record must not say the contrary. */
  readonly isLast: boolean;
  /** Whether its code must have found itself inside it. */
  readonly isInside: boolean;
  readonly children: readonly ExpectedExecution[];
}

/** What an engine says instead of what is expected, where it has words of its own. */
export type Difference = Partial<
  Pick<
    ExpectedExecution,
    | 'name'
    | 'outcome'
    | 'errorType'
    | 'errorMessage'
    | 'failedStep'
    | 'recoveredFailures'
    | 'skipReason'
    | 'rejectionReason'
  >
>;

/** Of which kind the engine's units of work are. Where each is a pipeline of its own there is no run around them. */
export type UnitKind = ExecutionKind;

/** An execution of a scenario before it is known what an engine calls things. */
export interface ScenarioExecution extends Partial<Omit<ExpectedExecution, 'kind' | 'children' | 'outcome'>> {
  readonly is: 'run' | 'process' | 'unit';
  readonly name: string;
  readonly outcome: Outcome | readonly Outcome[];
  readonly children?: readonly ScenarioExecution[];
}

/** How an engine differs from what a scenario says in general. */
export interface EngineTraits {
  readonly unit: UnitKind;
  readonly namesRuns: boolean;
  /** By the name of the unit, `flaky #1` for one attempt of it; `run` for the run itself. */
  readonly differences: Readonly<Record<string, Difference>>;
  /** Units of the engine's own, by the name of what they are in; `run` for the run itself. */
  readonly besides: Readonly<Record<string, readonly string[]>>;
}

/** What a scenario expects of one engine. Several roots where its units are pipelines. */
export function expectedOf(scenario: ScenarioExecution, traits: EngineTraits): readonly ExpectedExecution[] {
  if (scenario.is === 'run' && traits.unit === 'pipeline')
    return (scenario.children ?? []).map((child) => expected(child, traits));
  return [expected(scenario, traits)];
}

function expected(scenario: ScenarioExecution, traits: EngineTraits): ExpectedExecution {
  const { is, outcome, children = [], ...rest } = scenario;
  const kind = is === 'run' ? 'pipeline' : is === 'process' ? 'process' : traits.unit;
  const key = is === 'run' ? 'run' : scenario.name;
  const own = (traits.besides[key] ?? []).map((name) => ({ is: 'unit', name, outcome: 'success' }) as const);
  return {
    attempt: 1,
    isLast: true,
    isInside: false,
    failedStep: null,
    recoveredFailures: 0,
    errorType: null,
    errorMessage: null,
    skipReason: null,
    rejectionReason: null,
    ...rest,
    kind,
    name: is === 'run' && !traits.namesRuns ? undefined : scenario.name,
    outcome: typeof outcome === 'string' ? [outcome] : outcome,
    ...traits.differences[key],
    ...traits.differences[`${key} #${rest.attempt ?? 1}`],
    children: [...children, ...own].map((child) => expected(child, traits)),
  };
}

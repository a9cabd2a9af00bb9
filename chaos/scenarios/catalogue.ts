import type { Scenario } from '../scenario.ts';
import { kill } from './kill.ts';

/** Every scenario, in the order they are run. */
export const SCENARIOS: readonly Scenario[] = [kill];

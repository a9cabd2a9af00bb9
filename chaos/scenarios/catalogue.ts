import type { Scenario } from '../scenario.ts';
import { clock } from './clock.ts';
import { neverEnded } from './endless.ts';
import { exit } from './exit.ts';
import { failover } from './failover.ts';
import { family } from './family.ts';
import { fileFaults } from './files.ts';
import { hostile } from './hostile.ts';
import { kill } from './kill.ts';
import { names } from './names.ts';
import { network, pause, terminate } from './network.ts';
import { outage, outageFast, outageSmallHeap, steady, steadySmallHeap } from './outage.ts';
import { poison } from './poison.ts';
import { power } from './power.ts';
import { quarantineFiles } from './quarantine.ts';
import { recovery } from './recovery.ts';
import { coldStart, sharedFile } from './sharing.ts';
import { soak } from './soak.ts';
import { diskFull, limits } from './space.ts';

/** Every scenario, in the order they are run. */
export const SCENARIOS: readonly Scenario[] = [
  kill,
  recovery,
  exit,
  family,
  outage,
  steady,
  outageFast,
  outageSmallHeap,
  steadySmallHeap,
  failover,
  network,
  pause,
  terminate,
  poison,
  quarantineFiles,
  sharedFile,
  coldStart,
  clock,
  hostile,
  neverEnded,
  names,
  fileFaults,
  diskFull,
  limits,
  power,
  soak,
];

// Goes on with a run for one call, and prints what another process needs to go on with it, or how it ended.
import * as inngest from 'inngest';
import { serve } from 'inngest/edge';
import { execute, newRun } from './executor.cjs';
import { application, SCENARIOS } from './functions.cjs';

const [, , name, state] = process.argv;
const run = state === undefined ? newRun(`shop-${name}`, SCENARIOS[name]) : JSON.parse(state);
const end = await execute(serve(application(inngest)), run, 1);
process.stdout.write(JSON.stringify({ run, end }));

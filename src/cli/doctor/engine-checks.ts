import { ENGINES, type EngineInfo } from '../../engines.ts';
import { findInstalled } from '../../installed-packages.ts';
import { compareVersions, isInRange } from '../../version-range.ts';
import { type Check, ok, warn } from './check.ts';
import type { ProbeEngine } from './probe-report.ts';

/** Lists the engines the application in `folder` has, and whether the set-up has them instrumented. */
export function checkEngines(folder: string, hooks: readonly ProbeEngine[] | null): readonly Check[] {
  const checks = ENGINES.flatMap((engine) => {
    const version = findInstalled(engine.packageName, folder)?.version;
    const hook = hooks?.find(({ name }) => name === engine.name);
    return version === undefined ? [] : [checkEngine(engine, version, hook)];
  });
  if (checks.length > 0) return checks;
  const known = ENGINES.map(({ packageName }) => packageName).join(', ');
  return [ok('engines', `none is installed here, so no module is hooked (known: ${known})`)];
}

function checkEngine(engine: EngineInfo, version: string, hook: ProbeEngine | undefined): Check {
  const name = `engine-${engine.name}`;
  const what = `${engine.packageName} ${version}`;
  if (!isInRange(version, engine.versions)) {
    const [least = ''] = engine.versions.replace('>=', '').split(' ');
    const fix =
      compareVersions(version, least) < 0
        ? `Update ${engine.packageName}.`
        : 'Update runledger. Until it knows this version, say what runs with runPipeline.';
    return warn(name, `${what} is left alone: supported are ${engine.versions}`, fix);
  }
  if (hook === undefined) {
    const fix =
      'Start the program with "node --import runledger/register", or call withRunledger in its set-up.';
    return warn(name, `${what} is not hooked: Runledger is not there when the program starts`, fix);
  }
  if (hook.isHooked) return ok(name, `${what} is hooked`);
  const fix = `See RUNLEDGER_ENGINES and the option engines.${engine.name}, and that runledger/register comes first.`;
  return warn(name, `${what} is not hooked: ${hook.reason ?? 'nobody says why'}`, fix);
}

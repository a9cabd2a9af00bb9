import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackage, type InstalledPackage, readManifest } from '../../installed-packages.ts';
import { PACKAGE_URL } from '../../own-files.ts';
import { compareVersions, isInRange } from '../../version-range.ts';
import { type Check, fail, ok, warn } from './check.ts';

const API = '@opentelemetry/api';
const SDK_NODE = '@opentelemetry/sdk-node';
/** Packages that hold the tracer: 3.x, then 2.x. */
const SDK_TRACE = ['@opentelemetry/sdk-trace', '@opentelemetry/sdk-trace-base'];
const OWN_FOLDER = fileURLToPath(PACKAGE_URL);

/** Checks which OpenTelemetry the application in `folder` has, and that all of it shares one API. */
export function checkOtelPackages(folder: string): readonly Check[] {
  const ranges = readManifest(join(OWN_FOLDER, 'package.json')).peerDependencies ?? {};
  const api = findPackage(API, folder);
  const sdks = sdksOf(folder);
  return [
    checkApi(api, ranges[API] ?? ''),
    ...checkSdks(sdks, ranges),
    ...(api === undefined ? [] : [checkApiCopies(api, sdks)]),
  ];
}

function checkApi(api: InstalledPackage | undefined, range: string): Check {
  if (api === undefined) {
    return fail('otel-api', `${API} is not installed here`, `npm install ${API} @opentelemetry/sdk-node`);
  }
  if (isInRange(api.version, range)) return ok('otel-api', `${API} ${api.version}`);
  return fail(
    'otel-api',
    `${API} ${api.version} is not supported`,
    `Install a version in the range ${range}.`,
  );
}

/** The SDK packages the application sees, directly or through sdk-node. */
function sdksOf(folder: string): readonly InstalledPackage[] {
  const sdkNode = findPackage(SDK_NODE, folder);
  const from = sdkNode === undefined ? [folder] : [folder, sdkNode.folder];
  const found = SDK_TRACE.flatMap((name) => from.map((start) => findPackage(name, start)));
  const unique = new Map<string, InstalledPackage>();
  for (const sdk of [sdkNode, ...found]) {
    if (sdk !== undefined) unique.set(sdk.folder, sdk);
  }
  return [...unique.values()];
}

function checkSdks(sdks: readonly InstalledPackage[], ranges: Readonly<Record<string, string>>): Check[] {
  if (!sdks.some((sdk) => SDK_TRACE.includes(sdk.name))) {
    return [
      fail(
        'otel-sdk',
        'no OpenTelemetry SDK is installed here, so there are no spans to record',
        'npm install @opentelemetry/sdk-node',
      ),
    ];
  }
  return sdks.map((sdk) => {
    const range = ranges[sdk.name] ?? '';
    if (isInRange(sdk.version, range)) return ok('otel-sdk', `${sdk.name} ${sdk.version}`);
    const fix = `Install a version in the range ${range}.`;
    return fail('otel-sdk', `${sdk.name} ${sdk.version} is not supported`, fix);
  });
}

/**
 * Copies of the API find each other through a global, but only in one direction: one that is newer than the copy the
 * SDK registered with gets no tracer at all, and says nothing.
 */
function checkApiCopies(api: InstalledPackage, sdks: readonly InstalledPackage[]): Check {
  const own = findPackage(API, OWN_FOLDER);
  const ofSdks = sdks.map((sdk) => findPackage(API, sdk.folder));
  const copies = new Map<string, InstalledPackage>();
  for (const copy of [api, own, ...ofSdks]) {
    if (copy !== undefined) copies.set(copy.folder, copy);
  }
  if (copies.size === 1) return ok('otel-api-copies', `one copy of ${API}, shared by all`);
  const list = [...copies.values()].map((copy) => `${copy.version} in ${copy.folder}`).join('; ');
  const registered = ofSdks.find((copy) => copy !== undefined) ?? api;
  const isCutOff = [...copies.values()].some((copy) => compareVersions(copy.version, registered.version) > 0);
  const fix = `npm dedupe, or pin ${API} to one version ("overrides" in package.json).`;
  if (!isCutOff) return warn('otel-api-copies', `${copies.size} copies of ${API}: ${list}`, fix);
  const message = `${copies.size} copies of ${API}, some newer than the SDK's own and so without a tracer: ${list}`;
  return fail('otel-api-copies', message, fix);
}

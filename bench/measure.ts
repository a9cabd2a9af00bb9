import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What one variant measured in its own process: figures by name. */
export type Sample = Readonly<Record<string, number>>;

/** A way of doing the same work, run in a process of its own. */
export type Variant = () => Promise<Sample>;

/** A ratio or a difference to report: two variants in one figure, with the goal beside it. */
export interface Comparison {
  readonly what: string;
  readonly figure: string;
  readonly of: string;
  /** The peer that it is divided by. Without this and {@link over} the figure itself is reported. */
  readonly against?: string;
  /** The peer that it is more than. */
  readonly over?: string;
  readonly goal: { readonly atMost: number } | { readonly atLeast: number };
  readonly unit?: string;
}

/** One topic: its variants and the ratios between them. */
export interface Suite {
  readonly title: string;
  readonly variants: Readonly<Record<string, Variant>>;
  readonly comparisons: readonly Comparison[];
}

/** One line of the report. */
export interface Result {
  readonly comparison: Comparison;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly met: boolean;
}

/**
 * Runs every variant `rounds` times, interleaved, so that a machine that drifts slows all of them alike. A ratio is
 * taken round by round, and so is a difference; its median, lowest and highest value are reported.
 */
export async function measure(
  file: string,
  suite: Suite,
  rounds: number,
  onProgress: (done: string) => void,
): Promise<{ results: Result[]; medians: Record<string, Sample> }> {
  const samples: Record<string, Sample[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(suite.variants)) {
      onProgress(`${suite.title}: ${name} (${round + 1}/${rounds})`);
      const taken = samples[name] ?? [];
      samples[name] = taken;
      taken.push(await runVariant(file, name));
    }
  }
  return {
    results: suite.comparisons.map((comparison) => compare(comparison, samples)),
    medians: Object.fromEntries(Object.entries(samples).map(([name, taken]) => [name, medianOf(taken)])),
  };
}

function compare(comparison: Comparison, samples: Record<string, Sample[]>): Result {
  const { of, against, over, figure, goal } = comparison;
  const figureOf = (name: string, round: number) => samples[name]?.[round]?.[figure] ?? Number.NaN;
  const values = (samples[of] ?? []).map((_, round) => {
    const value = figureOf(of, round);
    if (over !== undefined) return value - figureOf(over, round);
    return against === undefined ? value : value / figureOf(against, round);
  });
  const sorted = values.toSorted((a, b) => a - b);
  const median = middle(sorted);
  const met = 'atMost' in goal ? median <= goal.atMost : median >= goal.atLeast;
  return { comparison, median, low: sorted.at(0) ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN, met };
}

function medianOf(taken: readonly Sample[]): Sample {
  const figures = Object.keys(taken[0] ?? {});
  return Object.fromEntries(
    figures.map((figure) => [
      figure,
      middle(taken.map((sample) => sample[figure] ?? Number.NaN).toSorted((a, b) => a - b)),
    ]),
  );
}

function middle(sorted: readonly number[]): number {
  const at = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2;
}

function runVariant(file: string, variant: string): Promise<Sample> {
  const entry = fileURLToPath(new URL('variant.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', entry, file, variant], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as Sample);
      else reject(new Error(`${file} ${variant} ended with exit code ${code}`));
    });
  });
}

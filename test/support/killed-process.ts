import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgramEnd, ProgramOptions } from './program.ts';

/** Name of the run of the process that finds what a killed one left. */
export const SUCCESSOR = 'successor';

/** Runs a program in a folder where it finds runledger. */
type RunProgram = (program: string, options: ProgramOptions) => Promise<ProgramEnd>;

/**
 * Kills a program when it says `started` and its process id, and has another process in its place until that has settled what
 * was left. `index` is what the successor imports runledger from.
 */
export async function killAndSucceed(
  folder: string,
  run: RunProgram,
  program: string,
  args: readonly string[],
  index = 'runledger',
): Promise<void> {
  let killed = '';
  await run(program, {
    args,
    onOutput: (text, kill) => {
      killed = /^started (\d+)$/m.exec(text)?.[1] ?? killed;
      if (killed !== '') kill('SIGKILL');
    },
  });
  const successor = join(folder, 'successor.mjs');
  const source = `import { runPipeline } from '${index}';\nrunPipeline('${SUCCESSOR}', () => {});\nsetTimeout(() => {}, 60_000);\n`;
  await writeFile(successor, source);
  await run(successor, {
    env: { OTEL_LOG_LEVEL: 'info' },
    onOutput: (text, kill) => {
      if (text.includes(`interrupted executions of process ${killed} `)) kill('SIGKILL');
    },
  });
}

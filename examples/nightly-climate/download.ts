import { attempts, type Execution } from 'runledger';

/** The archive did not answer with the file. */
class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly code: string;
  /** How long the archive asks to be left alone. */
  readonly retryAfterMs: number;

  constructor(file: string, response: Response) {
    super(`${file}: the archive answered ${response.status} ${response.statusText}`);
    this.code = `HTTP_${response.status}`;
    this.retryAfterMs = Number(response.headers.get('retry-after') ?? 1) * 1_000;
  }
}

/** Gets a file of the archive, as often as it takes. Each attempt is a step of its own in the ledger. */
export async function download(within: Execution, archive: string, file: string): Promise<string> {
  const delayMs = (_attempt: number, error: unknown) =>
    error instanceof ArchiveError ? error.retryAfterMs : 500;
  for await (const attempt of attempts({ maxAttempts: 5, delayMs })) {
    const text = await attempt.try(() =>
      within.step(`download ${file}`, { ...attempt, source: `${archive}/${file}` }, async (step) => {
        const response = await fetch(`${archive}/${file}`);
        if (!response.ok) throw new ArchiveError(file, response);
        const body = await response.text();
        step.add({ rowsOut: body.trimEnd().split('\n').length - 1 });
        return body;
      }),
    );
    if (text !== undefined) return text;
  }
  throw new Error('unreachable: the last attempt returns or throws');
}

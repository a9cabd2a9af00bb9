import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/**
 * Stores what programs that have ended left beside a ledger, as every command that reads it does: on a busy machine the end
 * of a program may not wait long enough for its store.
 */
export function storeLeftovers(ledger: string): void {
  const spool = `${ledger}.spool`;
  if (!existsSync(spool) || readdirSync(spool).length === 0) return;
  execFileSync(process.execPath, [CLI, 'recover', '--ledger', ledger], { stdio: 'pipe' });
}

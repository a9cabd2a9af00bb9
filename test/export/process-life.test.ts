import { describe, expect, it } from '@jest/globals';
import { runNode } from '../support/node-process.ts';

describe('a process with an exporter', () => {
  it('ends by itself while a write hangs', async () => {
    const startedAt = performance.now();
    const ended = await runNode('export/fixtures/awaiting-program.ts', ['nothing']);
    expect(ended).toMatchObject({ exitCode: 0, stdout: '0 stored' });
    // The write would time out after 30 s.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  it.each(['ready', 'forceFlush', 'shutdown'])(
    'stays alive through a back-off while it awaits %s',
    async (awaits) => {
      const ended = await runNode('export/fixtures/awaiting-program.ts', [awaits]);
      expect(ended).toMatchObject({ exitCode: 0, stdout: '10 stored' });
    },
  );
});

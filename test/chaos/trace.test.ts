import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { readTrace } from '../../chaos/power/trace.ts';

/** As `strace -xx` writes a path. */
const quoted = (path: string) => `"${Buffer.from(path).toString('hex').replace(/../g, '\\x$&')}"`;

it('a descriptor that is somebody else’s before its close is back is that one’s when it is synced', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runledger-trace-'));
  try {
    const file = join(folder, 'trace');
    const lines = [
      `1 1.0 openat(AT_FDCWD, ${quoted('/f/a')}, O_RDONLY) = 30`,
      '1 1.1 close(30 <unfinished ...>',
      `2 1.2 openat(AT_FDCWD, ${quoted('/f/b')}, O_RDONLY) = 30`,
      '1 1.3 <... close resumed>) = 0',
      '2 1.4 fsync(30) = 0',
    ];
    await writeFile(file, lines.join('\n'));
    expect(await readTrace(file, '/f')).toEqual([expect.objectContaining({ kind: 'sync', path: '/f/b' })]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

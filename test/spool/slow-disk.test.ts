import { describe, expect, it } from '@jest/globals';
import { DiskHealth } from '../../src/spool/disk-health.ts';

describe('the health of a disk', () => {
  it('suffers from a write that hangs', () => {
    const health = new DiskHealth(
      () => 0,
      () => 0,
    );
    health.took(300);
    expect(health.state).toBe('slow');
  });

  it('does not suffer from a thread that had no processor', () => {
    let waited = 0;
    const health = new DiskHealth(
      () => 0,
      () => waited,
    );
    for (let write = 0; write < 5; write++) {
      waited += 290;
      health.took(300);
    }
    expect(health.state).toBe('well');
    health.took(300);
    expect(health.state).toBe('slow');
  });
});

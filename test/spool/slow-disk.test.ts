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

  it('does not suffer from a slow write now and then', () => {
    let now = 0;
    const health = new DiskHealth(
      () => now,
      () => 0,
    );
    for (let write = 0; write < 10; write++) {
      now += 5_000;
      health.took(60);
      health.took(1);
    }
    expect(health.state).toBe('well');
  });

  it('suffers from two in a row, and from three in a short time', () => {
    const rows = [
      [60, 60],
      [60, 1, 60, 1, 60],
    ];
    for (const millis of rows) {
      const health = new DiskHealth(
        () => 0,
        () => 0,
      );
      for (const each of millis.slice(0, -1)) health.took(each);
      expect(health.state).toBe('well');
      health.took(millis.at(-1) ?? 0);
      expect(health.state).toBe('slow');
    }
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

import { describe, expect, it } from '@jest/globals';
import {
  formatDuration,
  formatSize,
  formatTime,
  parseDuration,
  parseSince,
  parseSize,
} from '../../src/cli/quantities.ts';
import { cutTo, displayWidth, pad } from '../../src/cli/terminal.ts';
import { timeBar } from '../../src/cli/time-bar.ts';

describe('quantities on the command line', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['2 w', 1_209_600_000],
    ['7', undefined],
    ['d', undefined],
    ['-1d', undefined],
    ['1 constructor', undefined],
  ])('reads the length of time %s', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    ['4096', 4_096],
    ['500MB', 500_000_000],
    ['1GiB', 1_073_741_824],
    ['1.5 kib', 1_536],
    ['1 pound', undefined],
  ])('reads the size %s', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });

  it('reads a point in time as so long ago, as a local day, or as a time with its zone', () => {
    const now = Date.UTC(2026, 10, 21);

    expect(parseSince('1h', now)).toBe(now - 3_600_000);
    expect(parseSince('2026-11-20', now)).toBe(new Date(2026, 10, 20).getTime());
    expect(parseSince('2026-11-20T03:00:00Z', now)).toBe(Date.UTC(2026, 10, 20, 3));
    for (const text of ['2026-13-40', 'yesterday', '20', '']) expect(parseSince(text, now)).toBeUndefined();
  });

  it.each([
    [0, '0.00 ms'],
    [9.994, '9.99 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [59_994, '59.99 s'],
    [59_999, '1 min 00 s'],
    [3_599_400, '59 min 59 s'],
    [3_599_600, '1 h 00 min'],
    [86_399_000, '1 d'],
    [90_000_000, '1 d 1 h'],
    [-5, '-5.00 ms'],
    [Number.NaN, '?'],
  ])('writes %s ms as %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });

  it('writes sizes and times', () => {
    expect([0, 1_023, 1_024, 1_610_612_736].map(formatSize)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 GiB']);
    expect(formatTime(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe('2026-01-02 03:04:05');
    expect(formatTime(Number.NaN)).toBe('?');
  });
});

describe('text on a terminal', () => {
  it('knows how wide characters are', () => {
    expect(['abc', '日本', 'é', 'e\u0301', '🚀', '…'].map(displayWidth)).toEqual([3, 4, 1, 1, 2, 1]);
  });

  it('cuts and fills by columns, not by characters', () => {
    expect(cutTo('日本語', 5)).toBe('日本…');
    expect(cutTo('日本語', 4)).toBe('日…');
    expect(pad('日本', 6)).toBe('日本  ');
    expect(pad('ab', 4, 'right')).toBe('  ab');
    expect(cutTo('abc', 0)).toBe('');
  });

  it('draws where in a run a time lay, with at least a tick, and never beyond its width', () => {
    const whole = { start: 1_000, end: 2_000 };

    expect(timeBar(1_000, 2_000, whole, 10)).toBe('██████████');
    expect(timeBar(1_500, 1_750, whole, 8)).toBe('    ██  ');
    expect(timeBar(1_999, 2_000, whole, 4)).toBe('   ▏');
    expect(timeBar(500, 9_000, whole, 4)).toBe('████');
    expect(timeBar(3_000, 4_000, whole, 4)).toHaveLength(4);
    expect(timeBar(1_000, 1_000, { start: 1_000, end: 1_000 }, 4)).toBe('▏   ');
  });
});

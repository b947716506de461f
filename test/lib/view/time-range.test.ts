import { expect, test } from 'vitest';
import {
  apiRange,
  LIVE_TREND_MS,
  rangeText,
  refreshMs,
  trendWindow,
} from '#lib/view/time-range.ts';

const FIXED = { kind: 'absolute', fromMs: 1_767_225_600_000, toMs: 1_767_225_660_500 } as const;

test('what the API is asked for', () => {
  expect(apiRange({ kind: 'live' })).toEqual({ from: '-15s', to: 'now' });
  expect(apiRange({ kind: 'last', preset: '15m' })).toEqual({ from: '-15m', to: 'now' });
  expect(apiRange(FIXED)).toEqual({
    from: '2026-01-01T00:00:00.000Z',
    to: '2026-01-01T00:01:00.500Z',
  });
});

test('the past is not asked for twice', () => {
  expect(refreshMs(FIXED)).toBeNull();
  expect(refreshMs({ kind: 'last', preset: '24h' })).toBe(60_000);
  expect(refreshMs({ kind: 'live' })).toBe(10_000);
});

test('the axis of the trends', () => {
  expect(trendWindow({ kind: 'live' }, 1e12)).toEqual({ fromMs: 1e12 - LIVE_TREND_MS, toMs: 1e12 });
  expect(trendWindow({ kind: 'last', preset: '1h' }, 1e12).fromMs).toBe(1e12 - 3_600_000);
  expect(trendWindow(FIXED, 1e12)).toEqual({ fromMs: FIXED.fromMs, toMs: FIXED.toMs });
});

test('a window in words names the day once', () => {
  expect(rangeText(FIXED)).toBe('2026-01-01 00:00:00 – 00:01:00');
  expect(rangeText({ ...FIXED, toMs: FIXED.fromMs + 86_400_000 })).toBe(
    '2026-01-01 00:00:00 – 2026-01-02 00:00:00',
  );
  expect(rangeText({ kind: 'last', preset: '6h' })).toBe('last 6 h');
});

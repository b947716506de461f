import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { parseTime, timeText } from '#lib/query/parse-time.ts';

const NOW = unixNanos(1_795_442_400_123_456_789n);

function parsed(text: string): bigint {
  const result = parseTime(text, NOW);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function refusal(text: string): string {
  const result = parseTime(text, NOW);
  return result.ok ? `accepted: ${result.value}` : result.error;
}

describe('parseTime', () => {
  test.each([
    ['1795442400123456789', 1_795_442_400_123_456_789n],
    ['0', 0n],
    ['now', NOW],
    ['-5m', NOW - 300_000_000_000n],
    ['-1h30m', NOW - 5_400_000_000_000n],
    ['-250ms', NOW - 250_000_000n],
    ['2026-11-23T14:00:00Z', 1_795_442_400_000_000_000n],
    ['2026-11-23T14:00:00.000000001Z', 1_795_442_400_000_000_001n],
    ['2026-11-23t14:00:00.5z', 1_795_442_400_500_000_000n],
    ['2026-11-23T22:00:00+08:00', 1_795_442_400_000_000_000n],
    ['2026-11-23 08:30:00-05:30', 1_795_442_400_000_000_000n],
    [' -5m ', NOW - 300_000_000_000n],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000_000_000n],
  ])('%s', (text, expected) => {
    expect(parsed(text)).toBe(expected);
  });

  test.each([
    ['1795442400', /unix seconds/],
    ['1795442400123', /unix milliseconds/],
    ['1795442400123456', /unix microseconds/],
    ['99999999999999999999', /too many digits/],
    ['9999999999999999999', /2262/],
    ['2026-02-29T00:00:00Z', /does not exist|that exists/],
    ['2026-13-01T00:00:00Z', /that exists/],
    ['2026-11-23T24:00:00Z', /that exists/],
    ['2026-11-23T14:00:00', /time zone/],
    ['2026-11-23T14:00:00 08:00', /%2B/],
    ['2026-11-23T14:00:00.0000000001Z', /nine decimals/],
    ['1969-12-31T23:59:59Z', /1970/],
    ['-5', /not a time/],
    ['-5parsecs', /not a time/],
    ['5m', /not a time/],
    ['', /not a time/],
    ['yesterday', /not a time/],
  ])('refuses %s and says why', (text, reason) => {
    expect(refusal(text)).toMatch(reason);
  });

  test('any instant survives being written as RFC 3339 with nine decimals', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 4_102_444_800_000_000_000n), (instant) => {
        const date = new Date(Number(instant / 1_000_000n)).toISOString().slice(0, 19);
        const text = `${date}.${String(instant % 1_000_000_000n).padStart(9, '0')}Z`;
        expect(parsed(text)).toBe(instant);
        expect(parsed(String(instant).padStart(19, '0'))).toBe(instant);
      }),
      { seed: 11 },
    );
  });

  test('no text throws, and errors stay short', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => {
        const result = parseTime(text, NOW);
        if (!result.ok) expect(result.error.length).toBeLessThan(400);
      }),
      { seed: 12, numRuns: 500 },
    );
  });
});

test('the text of an instant is read back, also of one that looks like seconds', () => {
  for (const instant of [0n, 1n, 2_000_000_000n, 1_793_000_000_000n, 1_793_000_000_000_000_000n]) {
    expect(parseTime(timeText(unixNanos(instant)), unixNanos(0n))).toEqual({
      ok: true,
      value: instant,
    });
  }
});

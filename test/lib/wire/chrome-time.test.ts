import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChromeTime, readInteger } from '#lib/wire/chrome-time.ts';

/** Nanoseconds of a JSON value; null: no time. */
function read(json: string): bigint | null {
  const bytes = new TextEncoder().encode(`,${json},`);
  const time = new ChromeTime();
  if (!time.read(bytes, 1, bytes.length - 1)) return null;
  return BigInt(time.us) * 1000n + BigInt(time.ns);
}

/** The decimal as nanoseconds, rounded half up, by integers alone. */
function nanosOf(negative: boolean, digits: bigint, scale: number): bigint {
  const value = (negative ? -digits : digits) * 1000n;
  const divisor = 10n ** BigInt(scale);
  const doubled = value * 2n + divisor;
  const floor = doubled / (2n * divisor);
  return doubled % (2n * divisor) < 0n ? floor - 1n : floor;
}

describe('ChromeTime', () => {
  it.each([
    ['1711964646123456.789', 1_711_964_646_123_456_789n],
    ['1682725898236567', 1_682_725_898_236_567_000n],
    ['"1661203462598738.001"', 1_661_203_462_598_738_001n],
    ['4458676522690.655', 4_458_676_522_690_655n],
    ['0', 0n],
    ['5.1', 5_100n],
    ['246.', 246_000n],
    ['.75', 750n],
    ['"+10.5"', 10_500n],
    ['-2.0005', -2_000n],
    ['-2.0015', -2_001n],
    ['1.7500000000000005', 1_750n],
    ['0.0005', 1n],
    ['0.00049', 0n],
    ['1.5e3', 1_500_000n],
    ['1661203462.598738E6', 1_661_203_462_598_738_000n],
    ['12e-3', 12n],
    ['9007199254740991.999', 9_007_199_254_740_991_999n],
  ])('reads %s exactly', (json, nanos) => {
    expect(read(json)).toBe(nanos);
  });

  it.each([
    '"invalid"',
    '""',
    '1.5e',
    '2e+',
    '.',
    '+',
    '-',
    'null',
    '{}',
    'NaN',
    '9e99',
    '9007199254740992',
  ])('takes %s for no time', (json) => {
    expect(read(json)).toBeNull();
  });

  it('reads any decimal, plain, quoted or with an exponent, to the nanosecond', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.bigInt(0n, 2n ** 52n),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: -4, max: 4 }),
        fc.boolean(),
        (negative, digits, scale, exponent, quoted) => {
          const text = String(digits).padStart(scale + 1, '0');
          const whole = text.slice(0, text.length - scale);
          const fraction = scale === 0 ? '' : `.${text.slice(text.length - scale)}`;
          const power = exponent === 0 ? '' : `e${exponent}`;
          const json = `${negative ? '-' : ''}${whole}${fraction}${power}`;
          const expected =
            exponent > scale
              ? nanosOf(negative, digits * 10n ** BigInt(exponent - scale), 0)
              : nanosOf(negative, digits, scale - exponent);
          const inRange = expected / 1000n < 2n ** 53n - 1n && expected / 1000n > -(2n ** 53n) + 1n;
          if (inRange) expect(read(quoted ? `"${json}"` : json)).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('readInteger', () => {
  it.each([
    ['17', 17],
    ['"23803"', 23803],
    ['-1', -1],
    ['"stream 7"', Number.NaN],
    ['1.5', Number.NaN],
    ['""', Number.NaN],
    ['1234567890123456', Number.NaN],
  ])('reads %s', (json, value) => {
    const bytes = new TextEncoder().encode(json);
    expect(readInteger(bytes, 0, bytes.length)).toBe(value);
  });
});

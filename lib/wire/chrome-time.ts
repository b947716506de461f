/**
 * Times of Chrome traces: decimal microseconds, as JSON numbers or as strings, to exact integer
 * nanoseconds. A double would round 2026's nanoseconds to steps of 256, so the digits are read in two
 * parts: whole microseconds (exact below 2^53, the year 2255) and the nanoseconds behind the point.
 */

const QUOTE = 0x22;
const POINT = 0x2e;
const MINUS = 0x2d;
/** Longer numbers are no times. */
const MAX_DIGITS = 64;
const NUMBER = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?\s*$/;

export class ChromeTime {
  /** Whole microseconds, rounded down. */
  us = 0;
  /** 0 to 999, added to them. */
  ns = 0;

  /**
   * Reads the JSON value in `bytes[start, end)`; false: it is no number, or none below 2^53 us.
   * Parts of a nanosecond are rounded, halves up.
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const quoted = bytes[start] === QUOTE ? 1 : 0;
    const from = start + quoted;
    const to = end - quoted;
    // Up to 15 digits before the point and exactly three behind it, or none: what profilers write.
    let at = from;
    const wholeEnd = Math.min(to, from + 15);
    let us = 0;
    for (; at < wholeEnd; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      us = us * 10 + digit;
    }
    if (at > from) {
      if (at < to && at === from + 15) {
        // A sixteenth digit: unix microseconds.
        const digit = bytes[at]! - 0x30;
        if (digit >= 0 && digit <= 9 && us < 900_000_000_000_000) {
          us = us * 10 + digit;
          at++;
        }
      }
      if (at === to) return this.#set(us, 0);
      if (bytes[at] === POINT && to - at <= 4) {
        let ns = 0;
        let scale = 1000;
        for (at++; at < to; at++) {
          const digit = bytes[at]! - 0x30;
          if (digit < 0 || digit > 9) break;
          ns = ns * 10 + digit;
          scale /= 10;
        }
        if (at === to) return this.#set(us, ns * scale);
      }
    }
    return this.#readSlowly(bytes, from, to);
  }

  #set(us: number, ns: number): boolean {
    this.us = us;
    this.ns = ns;
    return true;
  }

  /** Signs, exponents, many digits. */
  #readSlowly(bytes: Uint8Array, from: number, to: number): boolean {
    if (to <= from || to - from > MAX_DIGITS) return false;
    const parts = NUMBER.exec(String.fromCharCode(...bytes.subarray(from, to)));
    if (parts === null) return false;
    const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
    const digits = whole + fraction;
    if (digits === '') return false;
    // digits · 10^shift is the number in nanoseconds.
    const shift = Number(exponent) - fraction.length + 3;
    if (shift > MAX_DIGITS) return /^0*$/.test(digits) && this.#set(0, 0);
    let nanos = BigInt(digits);
    if (shift >= 0) nanos *= 10n ** BigInt(shift);
    else {
      const divisor = 10n ** BigInt(-shift);
      // Halves go up, so below zero towards it.
      nanos =
        sign === '-'
          ? (nanos * 2n + divisor - 1n) / (2n * divisor)
          : (nanos * 2n + divisor) / (2n * divisor);
    }
    if (sign === '-') nanos = -nanos;
    const us = nanos >= 0n ? nanos / 1000n : -((-nanos + 999n) / 1000n);
    if (us > Number.MAX_SAFE_INTEGER || us < Number.MIN_SAFE_INTEGER) return false;
    return this.#set(Number(us), Number(nanos - us * 1000n));
  }
}

/** The integer that a JSON value says, a number or a string of digits; NaN where it says none. */
export function readInteger(bytes: Uint8Array, start: number, end: number): number {
  const quoted = bytes[start] === QUOTE ? 1 : 0;
  const from = start + quoted;
  const to = end - quoted;
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (at >= to || to - at > 15) return Number.NaN;
  const negative = at > from;
  let value = 0;
  for (; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

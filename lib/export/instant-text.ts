/** Instants and lengths as exact decimal text, without a bigint for each row. */
import type { UnixNanos } from '#lib/base/units.ts';

const NS_PER_S = 1_000_000_000;

/** Unix nanoseconds of rows that count from one base. */
export class UnixNsText {
  readonly #seconds: number;
  readonly #ns: number;

  constructor(baseUnixNs: UnixNanos) {
    this.#seconds = Number(baseUnixNs / 1_000_000_000n);
    this.#ns = Number(baseUnixNs % 1_000_000_000n);
  }

  /** `offsetNs`: a whole number within 2^52. */
  at(offsetNs: number): string {
    const total = this.#ns + offsetNs;
    const seconds = Math.floor(total / NS_PER_S);
    const ns = total - seconds * NS_PER_S;
    const all = this.#seconds + seconds;
    return all === 0 ? String(ns) : `${all}${String(ns).padStart(9, '0')}`;
  }
}

/** Nanoseconds as decimal microseconds, all digits: 1234500 -> "1234.5". */
export function microseconds(ns: number): string {
  if (ns < 0) return `-${microseconds(-ns)}`;
  const whole = Math.floor(ns / 1000);
  const rest = ns - whole * 1000;
  if (rest === 0) return String(whole);
  const digits = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : String(rest);
  return `${whole}.${digits.replace(/0+$/, '')}`;
}

/** An instant to the nanosecond: in the viewer's zone, in UTC, and as the number that it is. */

export interface InstantNs {
  /** `2026-11-27 17:04:51.123 456 789` in the viewer's zone. */
  readonly local: string;
  /** The same without the day. */
  readonly clock: string;
  readonly utc: string;
  readonly unixNs: string;
}

export function instantNs(unixNs: bigint): InstantNs {
  const seconds = unixNs / 1_000_000_000n;
  const fraction = String(unixNs % 1_000_000_000n).padStart(9, '0');
  const date = new Date(Number(seconds) * 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  const grouped = `${fraction.slice(0, 3)} ${fraction.slice(3, 6)} ${fraction.slice(6)}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${grouped}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return {
    local: `${day} ${clock}`,
    clock,
    utc: `${date.toISOString().slice(0, 19)}.${fraction}Z`,
    unixNs: String(unixNs),
  };
}

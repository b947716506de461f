/**
 * How people and programs write instants: unix nanoseconds ("1793000000000000000"), RFC 3339 with
 * up to nine decimals ("2026-11-23T14:00:00.000000001Z", "…+08:00"), or relative to now ("-5m",
 * "-1h30m", "now").
 */
import { err, ok, type Result } from '#lib/base/result.ts';
import { addNanos, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { parseDuration } from '#lib/config/quantities.ts';

const ALLOWED =
  'write unix nanoseconds (19 digits), RFC 3339 (2026-11-23T14:00:00Z), or relative to now (-5m, now)';

/** The last instant that a signed 64-bit column holds: 2262-04-11. */
const MAX_UNIX_NS = 2n ** 63n - 1n;

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * The instant that `text` names; `nowUnixNs` is what relative times count from. The error says what
 * is wrong and what is allowed.
 */
export function parseTime(text: string, nowUnixNs: UnixNanos): Result<UnixNanos, string> {
  const trimmed = text.trim();
  if (trimmed === 'now') return ok(nowUnixNs);
  if (/^\d+$/.test(trimmed)) return parseUnixNs(trimmed);
  if (trimmed.startsWith('-')) {
    const duration = parseDuration(trimmed.slice(1));
    if (!duration.ok) return err(`${quoted(text)} is not a time: ${ALLOWED}`);
    const instant = addNanos(nowUnixNs, -duration.value);
    return instant < 0n ? err(`${quoted(text)} lies before 1970: ${ALLOWED}`) : ok(instant);
  }
  return parseRfc3339(trimmed);
}

/**
 * The instant as `parseTime` takes it, with all digits: traces that count from the start of a machine
 * must not be taken for seconds.
 */
export function timeText(unixNs: UnixNanos): string {
  return String(unixNs).padStart(19, '0');
}

function parseUnixNs(digits: string): Result<UnixNanos, string> {
  // Seconds, milliseconds and microseconds of this century have 10, 13 and 16 digits: refuse them
  // rather than read them as an instant in 1970.
  const unit = { 10: 'seconds', 13: 'milliseconds', 16: 'microseconds' }[digits.length];
  if (unit !== undefined) {
    return err(`${quoted(digits)} looks like unix ${unit}: ${ALLOWED}`);
  }
  if (digits.length > 19) return err(`${quoted(digits)} has too many digits: ${ALLOWED}`);
  const value = BigInt(digits);
  if (value > MAX_UNIX_NS) return err(`${quoted(digits)} lies after the year 2262: ${ALLOWED}`);
  return ok(unixNanos(value));
}

function parseRfc3339(text: string): Result<UnixNanos, string> {
  const match = RFC_3339.exec(text);
  if (match === null) {
    const reason = /^\d{4}-\d{2}-\d{2}[Tt ][\d:.]+$/.test(text)
      ? 'has no time zone (add Z or +00:00)'
      : 'is not a time';
    // A "+" in a query string that was not percent-encoded arrives as a space.
    const hint = / \d{2}:\d{2}$/.test(text) ? ' (in a URL, write "+" as %2B)' : '';
    return err(`${quoted(text)} ${reason}${hint}: ${ALLOWED}`);
  }
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
  if (fraction.length > 9) return err(`${quoted(text)} has more than nine decimals`);
  const wholeMs = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  const back = new Date(wholeMs);
  const real =
    back.getUTCMonth() === +month! - 1 &&
    back.getUTCDate() === +day! &&
    +hour! < 24 &&
    +minute! < 60 &&
    +second! < 60;
  if (!real) return err(`${quoted(text)} is not a date and time that exists`);
  const offset = offsetMinutes(zone!);
  if (offset === undefined) return err(`${quoted(text)} has an unknown time zone`);
  const instant =
    BigInt(wholeMs) * 1_000_000n +
    BigInt(fraction.padEnd(9, '0')) -
    BigInt(offset) * 60_000_000_000n;
  if (instant < 0n) return err(`${quoted(text)} lies before 1970`);
  if (instant > MAX_UNIX_NS) return err(`${quoted(text)} lies after the year 2262`);
  return ok(unixNanos(instant));
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** The value as it was given, cut so that an error stays a line. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

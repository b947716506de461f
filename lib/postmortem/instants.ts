/** Instants in words, the same wherever the report is made: in UTC, and in a zone that is named. */

/** `2026-11-27 16:44:18.123 UTC`. */
export function utcText(unixNs: string): string {
  const date = dateOf(unixNs);
  return `${date.toISOString().slice(0, 23).replace('T', ' ')} UTC`;
}

/** `16:44:18.123` in UTC. */
export function utcClock(unixNs: string): string {
  return dateOf(unixNs).toISOString().slice(11, 23);
}

/** `2026-11-27 17:44:18.123 GMT+1` in the zone with this IANA name. */
export function localText(unixNs: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
    timeZoneName: 'shortOffset',
  }).formatToParts(dateOf(unixNs));
  const of = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((part) => part.type === type)?.value ?? '';
  return `${of('year')}-${of('month')}-${of('day')} ${of('hour')}:${of('minute')}:${of('second')}.${of('fractionalSecond')} ${of('timeZoneName')}`;
}

/** Is it a zone that this machine knows? */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function dateOf(unixNs: string): Date {
  return new Date(Number(BigInt(unixNs) / 1_000_000n));
}

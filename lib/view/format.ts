/**
 * Numbers as people read them: value and unit apart, so that the unit can be set small and muted,
 * and the exact value for the hover.
 */

export interface Figure {
  readonly value: string;
  readonly unit: string;
  /** Every digit that is known, with its unit. */
  readonly exact: string;
}

/** What a missing figure looks like: never a zero. */
export const NO_FIGURE: Figure = { value: '–', unit: '', exact: 'no data' };

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const exactNumber = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 });

/** Three significant digits, thousands separated, no exponent: `0.123`, `4.68`, `81.9`, `1,230`. */
export function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 99.95) return grouped.format(value);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.9995) return value.toFixed(2);
  return value.toFixed(3);
}

/** A length of time in the largest unit that keeps it at or above one. */
export function durationFigure(ns: number | null | undefined): Figure {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return NO_FIGURE;
  const size = Math.abs(ns);
  const exact = `${exactNumber.format(ns)} ns`;
  if (size < 999.5) return { value: significant(ns), unit: 'ns', exact };
  if (size < 999_500) return { value: significant(ns / 1e3), unit: 'µs', exact };
  if (size < 999_500_000) return { value: significant(ns / 1e6), unit: 'ms', exact };
  return { value: significant(ns / 1e9), unit: 's', exact };
}

/** A ratio as a percentage with one decimal. */
export function ratioFigure(ratio: number | null | undefined): Figure {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return NO_FIGURE;
  // -0.0 would read as a sign without a size.
  const percent = Math.abs(ratio) < 0.0005 ? 0 : ratio * 100;
  return { value: percent.toFixed(1), unit: '%', exact: `${exactNumber.format(ratio)} (ratio)` };
}

/** A count or a rate with an SI prefix before its unit: `4.68 M/s`, `12.3 k tokens/s`. */
export function countFigure(count: number | null | undefined, unit: string): Figure {
  if (count === null || count === undefined || !Number.isFinite(count)) return NO_FIGURE;
  const exact = unit.startsWith('/')
    ? `${exactNumber.format(count)}${unit}`
    : `${exactNumber.format(count)} ${unit}`.trimEnd();
  const size = Math.abs(count);
  const [scaled, prefix] =
    size >= 999_500_000
      ? [count / 1e9, 'G']
      : size >= 999_500
        ? [count / 1e6, 'M']
        : size >= 9_999.5
          ? [count / 1e3, 'k']
          : [count, ''];
  const joined = unit === '' ? prefix : unit.startsWith('/') ? prefix + unit : `${prefix} ${unit}`;
  const isWhole = prefix === '' && Number.isInteger(count);
  return {
    value: isWhole ? grouped.format(count) : significant(scaled),
    unit: joined.trim(),
    exact,
  };
}

/** Bytes in binary units, the exact number on hover. */
export function bytesFigure(bytes: number | null | undefined): Figure {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return NO_FIGURE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = bytes;
  let power = 0;
  while (Math.abs(scaled) >= 1023.5 && power < units.length - 1) {
    scaled /= 1024;
    power++;
  }
  return {
    value: power === 0 ? grouped.format(scaled) : significant(scaled),
    unit: units[power]!,
    exact: `${grouped.format(bytes)} B`,
  };
}

/** A difference with its sign and arrow: `▲ +12.0 %`. */
export function deltaText(ratio: number): string {
  const percent = (Math.abs(ratio) * 100).toFixed(1);
  if (percent === '0.0') return '± 0.0 %';
  return ratio > 0 ? `▲ +${percent} %` : `▼ −${percent} %`;
}

export function figureText(figure: Figure): string {
  return figure.unit === '' ? figure.value : `${figure.value} ${figure.unit}`;
}

/** How long ago, in the coarsest whole unit: `8 s`, `3 min`, `2 h`, `5 d`. */
export function ageText(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Clock time in the viewer's zone, and the same instant in UTC for the hover. */
export function instantText(unixMs: number): { readonly local: string; readonly utc: string } {
  const date = new Date(unixMs);
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return { local: `${day} ${clock}`, utc: date.toISOString() };
}

/** Figures with their units, as the tables of the command line show them. */
const NONE = '–';

/** "812 ns", "4.68 µs", "49.9 ms", "1.20 s". */
export function durationText(ns: number | null | undefined): string {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return NONE;
  const size = Math.abs(ns);
  if (size < 999.5) return `${Math.round(ns)} ns`;
  if (size < 999_500) return `${significant(ns / 1e3)} µs`;
  if (size < 999_500_000) return `${significant(ns / 1e6)} ms`;
  return `${significant(ns / 1e9)} s`;
}

/** "38.4 %". */
export function ratioText(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return NONE;
  return `${(ratio * 100).toFixed(1)} %`;
}

/** "1,234,567". */
export function countText(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return NONE;
  return Math.round(count).toLocaleString('en-US');
}

/** "1.4 GB". */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let scaled = bytes;
  let power = 0;
  while (scaled >= 999.5 && power < units.length - 1) {
    scaled /= 1000;
    power++;
  }
  return `${power === 0 ? scaled : significant(scaled)} ${units[power]}`;
}

/** "1.40 T", to be followed by a unit. */
export function rateText(value: number): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];
  let scaled = value;
  let power = 0;
  while (scaled >= 999.5 && power < prefixes.length - 1) {
    scaled /= 1000;
    power++;
  }
  return `${significant(scaled)} ${prefixes[power]}`;
}

/** Three digits that count. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

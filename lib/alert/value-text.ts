/** Values of metrics as messages say them: "38.2 %", "51.3 ms", "1.62×". */
import { isFactor, unitOf } from './metric-kinds.ts';

export function valueText(metric: string, value: number | null): string {
  if (value === null) return 'no data';
  if (isFactor(metric)) return `${significant(value)}×`;
  switch (unitOf(metric)) {
    case 'ratio':
      return `${(value * 100).toFixed(1)} %`;
    case 'seconds':
      return durationText(value * 1e9);
    case 'nanoseconds':
      return durationText(value);
    case 'per-second':
      return `${significant(value)}/s`;
    default:
      return significant(value);
  }
}

function durationText(ns: number): string {
  const size = Math.abs(ns);
  if (size === 0) return '0 s';
  if (size < 1e3) return `${significant(ns)} ns`;
  if (size < 1e6) return `${significant(ns / 1e3)} µs`;
  if (size < 1e9) return `${significant(ns / 1e6)} ms`;
  return `${significant(ns / 1e9)} s`;
}

/** Three significant digits, no exponent. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 100) return String(Math.round(value));
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return value.toFixed(3);
}

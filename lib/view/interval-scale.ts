/** A scale of ratios that gains and their intervals are drawn on: holds zero and all of them. */

export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface IntervalScale {
  readonly from: number;
  readonly to: number;
}

/** Round steps of the scale's ends. */
const STEP = 0.05;

export function intervalScale(estimates: readonly Estimate[]): IntervalScale {
  const lows = estimates.map(({ value, low }) => Math.min(value, low));
  const highs = estimates.map(({ value, high }) => Math.max(value, high));
  const from = Math.floor(Math.min(0, ...lows) / STEP) * STEP;
  const to = Math.ceil(Math.max(STEP, ...highs) / STEP) * STEP;
  return { from, to };
}

/** 0..1 on the scale. */
export function placeOn(scale: IntervalScale, ratio: number): number {
  const span = scale.to - scale.from;
  return span <= 0 ? 0 : Math.min(1, Math.max(0, (ratio - scale.from) / span));
}

/** `+11.0 %`, `−2.3 %`, `±0.0 %`. */
export function signedPercent(ratio: number): string {
  const size = (Math.abs(ratio) * 100).toFixed(1);
  if (size === '0.0') return '±0.0 %';
  return `${ratio > 0 ? '+' : '−'}${size} %`;
}

/** `+8.0 to +14.0 %`. */
export function intervalText({ low, high }: Estimate): string {
  return `${signedPercent(low).replace(' %', '')} to ${signedPercent(high)}`;
}

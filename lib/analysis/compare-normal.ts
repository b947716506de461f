/** The normal distribution, to the last digits of a double. */

/** Bounds the middle 95 %. */
export const Z_95 = 1.959963984540054;

/** Beyond it the continued fraction converges faster than the series. */
const SERIES_UP_TO = 2.5;
const FRACTION_TERMS = 80;

/** P(Z > z); for z < 0, more than a half. */
export function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  if (z < SERIES_UP_TO) {
    let term = z;
    let sum = z;
    for (let n = 3; term > sum * 1e-17; n += 2) {
      term *= (z * z) / n;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = 0;
  for (let n = FRACTION_TERMS; n > 0; n--) fraction = n / (z + fraction);
  return density / (z + fraction);
}

/** P(|Z| >= |z|). */
export function twoSided(z: number): number {
  return Math.min(1, 2 * upperTail(Math.abs(z)));
}

/** A running mean moves by this share of each new value. */
const MEAN_SHIFT = 4;

/**
 * What a chunk predicts the next duration of a stage from; encoder and decoder follow the same. The
 * first value of a stage is taken as it is; after that the mean follows slowly.
 */
export function nextMean(mean: number, residual: number): number {
  if (mean === 0) return residual;
  return mean + (residual < 2 ** 30 && residual > -(2 ** 30) ? residual >> MEAN_SHIFT : residual);
}

/** What was lost on the way is not a faster worker: gaps in the columns of a recording are filled. */

/**
 * Missing entries become the mean of the worker in the layer, or of the layer. `rare`: where a layer
 * has fewer than half of its entries, what is missing is really not there, and counts 0.
 */
export function fillByLayer(
  column: Float64Array,
  missing: number,
  steps: number,
  layers: number,
  microbatches: number,
  workers: number,
  rare: boolean,
): void {
  const isMissing = (value: number): boolean => Object.is(value, missing) || value < 0;
  const width = microbatches * workers;
  const sums = new Float64Array(workers);
  const counts = new Float64Array(workers);
  for (let layer = 0; layer < layers; layer++) {
    sums.fill(0);
    counts.fill(0);
    let sum = 0;
    let count = 0;
    for (let step = 0; step < steps; step++) {
      const first = (step * layers + layer) * width;
      for (let i = 0; i < width; i++) {
        const value = column[first + i]!;
        if (isMissing(value)) continue;
        const worker = i % workers;
        sums[worker] = sums[worker]! + value;
        counts[worker] = counts[worker]! + 1;
        sum += value;
        count++;
      }
    }
    if (count === steps * width) continue;
    const isRare = rare && count * 2 < steps * width;
    for (let step = 0; step < steps; step++) {
      const first = (step * layers + layer) * width;
      for (let i = 0; i < width; i++) {
        if (!isMissing(column[first + i]!)) continue;
        const worker = i % workers;
        const mean = counts[worker]! > 0 ? sums[worker]! / counts[worker]! : sum / count;
        column[first + i] = isRare || count === 0 ? 0 : mean;
      }
    }
  }
}

/** A worker whose sampling was lost sampled for as long as it does on average. */
export function fillEpilogues(epilogueNs: Float64Array, workers: number): void {
  for (let worker = 0; worker < workers; worker++) {
    let sum = 0;
    let count = 0;
    for (let at = worker; at < epilogueNs.length; at += workers) {
      if (epilogueNs[at]! <= 0) continue;
      sum += epilogueNs[at]!;
      count++;
    }
    if (count * 2 * workers < epilogueNs.length) continue;
    for (let at = worker; at < epilogueNs.length; at += workers) {
      if (epilogueNs[at]! <= 0) epilogueNs[at] = sum / count;
    }
  }
}

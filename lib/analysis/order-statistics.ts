/**
 * Order statistics without sorting: a report takes quantiles of every duration and every period.
 * Long columns are counted into bins of equal width, and only the bins that hold a wanted rank are
 * sorted.
 *
 *     samples   ·· ::·:|:::: ·· ·           bins from a small sample's spread; the outermost two
 *     bins      [ ][ ][#][ ][ ][ ]→         take all that lies beyond
 *     ranks           k lies in bin #
 */

/** Shorter columns are sorted: setting the bins up would cost more. */
const MIN_BINNED = 400;
const MAX_BINS = 1024;
/** A column has a bin for so many samples, so that short ones do not pay for empty bins. */
const SAMPLES_PER_BIN = 4;
const SAMPLED = 96;

/** Whole numbers that span no more values than this, nor than there are samples, are counted. */
const MAX_COUNTED = 1 << 20;

export class OrderStatistics {
  #counted = new Uint32Array(0);
  readonly #counts = new Uint32Array(MAX_BINS);
  readonly #wanted = new Uint8Array(MAX_BINS);
  readonly #sampled = new Float64Array(SAMPLED);

  /** The values at `ranks` (from 0, ascending, below the length). Reorders `samples`; no NaN. */
  of(samples: Float64Array, ranks: readonly number[]): number[] {
    const n = samples.length;
    if (n < MIN_BINNED) return sortedRanks(samples, ranks);
    const sampled = this.#sampled;
    for (let i = 0; i < SAMPLED; i++) sampled[i] = samples[Math.floor((i * n) / SAMPLED)]!;
    sampled.sort();
    const low = sampled[1]!;
    const spread = sampled[SAMPLED - 2]! - low;
    const bins = Math.min(MAX_BINS, Math.floor(n / SAMPLES_PER_BIN));
    const binsPerUnit = spread > 0 ? (bins - 2) / spread : 1;
    const counts = this.#counts.fill(0, 0, bins);
    const wanted = this.#wanted.fill(0, 0, bins);
    for (let i = 0; i < n; i++) {
      const bin = binOf(samples[i]!, low, binsPerUnit, bins);
      counts[bin] = counts[bin]! + 1;
    }
    const { gathered, ranksInGathered } = this.#wantBins(ranks);
    // A few values hold most samples: narrower bins would not part them either.
    if (gathered > n / 2) return sortedRanks(samples, ranks);
    const values = new Float64Array(gathered);
    let length = 0;
    for (let i = 0; i < n; i++) {
      const value = samples[i]!;
      if (wanted[binOf(value, low, binsPerUnit, bins)] === 1) values[length++] = value;
    }
    return this.of(values, ranksInGathered);
  }

  /**
   * The same of whole numbers in `[min, max]`, in one pass that leaves `samples` as they are. null:
   * they are not whole, or lie too far apart for their number.
   */
  ofWhole(
    samples: Float64Array,
    min: number,
    max: number,
    ranks: readonly number[],
  ): number[] | null {
    const n = samples.length;
    const span = max - min + 1;
    if (n < MIN_BINNED || span > MAX_COUNTED || span > n) return null;
    if (this.#counted.length < span) this.#counted = new Uint32Array(2 * span);
    const counted = this.#counted.fill(0, 0, span);
    for (let i = 0; i < n; i++) {
      const above = samples[i]! - min;
      const value = above | 0;
      if (value !== above) return null;
      counted[value] = counted[value]! + 1;
    }
    let value = 0;
    let below = 0;
    return ranks.map((rank) => {
      while (below + counted[value]! <= rank) below += counted[value++]!;
      return min + value;
    });
  }

  /** Marks the bins that hold a rank; how many samples they hold, and the ranks among those. */
  #wantBins(ranks: readonly number[]): { gathered: number; ranksInGathered: number[] } {
    const counts = this.#counts;
    const wanted = this.#wanted;
    let bin = 0;
    let below = 0;
    let gathered = 0;
    let skipped = 0;
    const ranksInGathered = ranks.map((rank) => {
      while (below + counts[bin]! <= rank) below += counts[bin++]!;
      if (wanted[bin] === 0) {
        wanted[bin] = 1;
        skipped = below - gathered;
        gathered += counts[bin]!;
      }
      return rank - skipped;
    });
    return { gathered, ranksInGathered };
  }
}

function sortedRanks(samples: Float64Array, ranks: readonly number[]): number[] {
  samples.sort();
  return ranks.map((rank) => samples[rank]!);
}

/** Ascends with the value, which is all that correctness needs. */
function binOf(value: number, low: number, binsPerUnit: number, bins: number): number {
  const bin = (value - low) * binsPerUnit + 1;
  if (bin <= 0) return 0;
  return bin >= bins - 1 ? bins - 1 : bin | 0;
}

/** Which of several comparable figures stand out: robust, so that the outlier does not hide itself. */
import { median } from './median.ts';

/** Robust deviations over the median from which a figure stands out. */
const DEVIATIONS = 4.5;
/** And this share of the median, so that even figures do not stand out by a hair. */
const MEDIAN_SHARE = 0.25;

/**
 * Above it a figure stands out among `values`: over their median by 4.5 robust deviations, a quarter
 * of the median and `leastExcess`, in the unit of the values.
 */
export function outlierLimit(values: readonly number[], leastExcess: number): number {
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return middle + Math.max(1.4826 * DEVIATIONS * deviation, MEDIAN_SHARE * middle, leastExcess);
}

export interface Totals {
  readonly passed: number;
  /** Tests, and files that could not be loaded. */
  readonly failed: number;
  readonly skipped: number;
  /** Tests that passed at a later try: their name, then how each earlier one failed, a line each. */
  readonly retried: readonly string[];
}

/** @param text vitest's JSON report */
export function totalsOf(text: string): Totals;

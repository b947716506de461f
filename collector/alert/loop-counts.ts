/** What the loop counts of itself, for /metrics. */
export class LoopCounts {
  evaluations = 0;
  failures = 0;
  refusals = 0;
  alertsLeftOut = 0;
  totalMs = 0;
  lastMs = 0;
  /** Longest time that an evaluation kept the thread without a break. */
  longestSliceMs = 0;

  evaluated(tookMs: number, sliceMs: number): void {
    this.evaluations++;
    this.totalMs += tookMs;
    this.lastMs = tookMs;
    this.longestSliceMs = Math.max(this.longestSliceMs, sliceMs);
  }

  failed(): void {
    this.failures++;
  }

  refused(): void {
    this.refusals++;
  }

  leftOut(alerts: number): void {
    this.alertsLeftOut += alerts;
  }
}

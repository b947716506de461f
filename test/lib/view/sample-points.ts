import { type TrendPoint, trendPointSchema } from '#lib/api/live-event.ts';

/** A trend point of two groups whose figures depend on its time only. */
export function samplePoint(atUnixMs: number): TrendPoint {
  const group = (role: string, busyRatio: number) => ({
    group: role,
    role,
    busyRatio,
    activeBubbleRatio: 1 - busyRatio,
    overlapRatio: null,
  });
  return trendPointSchema.parse({
    atUnixMs,
    spanMs: 1000,
    groups: [group('ffn', 0.9), group('attention', 0.6)],
    tokensPerSecond: 1000 + atUnixMs / 1000,
    stepsPerSecond: 20,
    stepLatencyMs: 50,
    tpotMs: null,
    measuredPeriodUs: 741,
    idealPeriodUs: 738,
  });
}

/**
 * What a page knows from the live stream. Every event replaces its part; points append to a
 * bounded history, so that a page left open does not grow.
 */
import type { Heatmap, LiveEvent, Overview, Strip, TrendPoint } from '#lib/api/live-event.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';

/** One-second points: twice the time that the live charts show (`LIVE_TREND_MS`). */
export const MAX_POINTS = 600;

export interface LiveState {
  readonly deployment: string | null;
  /** `retrying`: the stream broke and is being opened again. */
  readonly connection: 'connecting' | 'open' | 'retrying';
  readonly overview: Overview | null;
  /** The newest report there was: kept, and shown as old, while a deployment is quiet. */
  readonly lastReport: ReportJson | null;
  readonly strip: Strip | null;
  readonly heatmap: Heatmap | null;
  /** Oldest first, one per instant. */
  readonly points: readonly TrendPoint[];
  /** Browser's clock at the last event of any kind; null before the first. */
  readonly lastEventMs: number | null;
  /** Grows with every reset: the history must be loaded anew. */
  readonly resets: number;
}

export function initialLiveState(deployment: string | null): LiveState {
  return {
    deployment,
    connection: 'connecting',
    overview: null,
    lastReport: null,
    strip: null,
    heatmap: null,
    points: [],
    lastEventMs: null,
    resets: 0,
  };
}

/** The state after `event`; events of another deployment change nothing. */
export function applyLiveEvent(state: LiveState, event: LiveEvent, nowMs: number): LiveState {
  if (event.deployment !== state.deployment) return state;
  const seen: LiveState = { ...state, connection: 'open', lastEventMs: nowMs };
  switch (event.kind) {
    case 'overview':
      return { ...seen, overview: event, lastReport: event.report ?? state.lastReport };
    case 'strip':
      return { ...seen, strip: event };
    case 'heatmap':
      return { ...seen, heatmap: event };
    case 'point':
      return { ...seen, points: mergePoints(state.points, [event]) };
    case 'reset':
      return { ...seen, points: [], resets: state.resets + 1 };
  }
}

/** The history from the store under the points that came live meanwhile. */
export function applyHistory(state: LiveState, history: readonly TrendPoint[]): LiveState {
  return { ...state, points: mergePoints(history, state.points) };
}

/** Both lists as one, by time; where two share an instant the one of `newer` stays. */
export function mergePoints(
  older: readonly TrendPoint[],
  newer: readonly TrendPoint[],
  limit: number = MAX_POINTS,
): readonly TrendPoint[] {
  const first = newer[0];
  if (first === undefined) return older.slice(-limit);
  const last = older.at(-1);
  if (last === undefined || last.atUnixMs < first.atUnixMs) {
    return [...older, ...newer].slice(-limit);
  }
  const byInstant = new Map<number, TrendPoint>();
  for (const point of older) byInstant.set(point.atUnixMs, point);
  for (const point of newer) byInstant.set(point.atUnixMs, point);
  return [...byInstant.values()].sort((a, b) => a.atUnixMs - b.atUnixMs).slice(-limit);
}

/** After this long without an event the figures are shown as stale. */
export const STALE_AFTER_MS = 6_000;

export function staleForMs(state: LiveState, nowMs: number): number | null {
  if (state.lastEventMs === null) return null;
  const ageMs = nowMs - state.lastEventMs;
  return ageMs > STALE_AFTER_MS ? ageMs : null;
}

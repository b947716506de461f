import { describe, expect, test } from 'vitest';
import type { LiveEvent, Overview } from '#lib/api/live-event.ts';
import {
  applyHistory,
  applyLiveEvent,
  initialLiveState,
  MAX_POINTS,
  STALE_AFTER_MS,
  staleForMs,
} from '#lib/view/live-state.ts';
import { samplePoint } from './sample-points.ts';
import { sampleReport } from './sample-report.ts';

function point(atUnixMs: number, deployment = 'demo'): LiveEvent {
  return { kind: 'point', deployment, ...samplePoint(atUnixMs) };
}

function overview(report: Overview['report'], state: Overview['state']): LiveEvent {
  const ingest = {
    eventsPerSecond: 1,
    acceptedEvents: 1,
    acceptedMetricPoints: 0,
    logRecords: 0,
    rejected: {},
    lagMs: null,
  };
  return {
    kind: 'overview',
    deployment: 'demo',
    state,
    atUnixMs: 1,
    report,
    gpu: [],
    tpotMs: null,
    ingest,
  };
}

describe('points', () => {
  test('append in order and stay bounded', () => {
    let state = initialLiveState('demo');
    for (let i = 0; i < MAX_POINTS + 100; i++) state = applyLiveEvent(state, point(i * 1000), 0);
    expect(state.points).toHaveLength(MAX_POINTS);
    expect(state.points[0]!.atUnixMs).toBe(100_000);
  });

  test('history goes under what came live meanwhile; the live one wins', () => {
    let state = applyLiveEvent(initialLiveState('demo'), point(3000), 0);
    const old = [1000, 2000, 3000, 4000].map((at) => ({ ...samplePoint(at), tokensPerSecond: -1 }));
    state = applyHistory(state, old);
    expect(state.points.map((p) => [p.atUnixMs, p.tokensPerSecond])).toEqual([
      [1000, -1],
      [2000, -1],
      [3000, samplePoint(3000).tokensPerSecond],
      [4000, -1],
    ]);
  });

  test('a point that comes again replaces itself', () => {
    let state = applyLiveEvent(initialLiveState('demo'), point(1000), 0);
    state = applyLiveEvent(state, point(1000), 0);
    expect(state.points).toHaveLength(1);
  });
});

test('a reset drops the points and asks for the history', () => {
  let state = applyLiveEvent(initialLiveState('demo'), point(1000), 0);
  state = applyLiveEvent(state, { kind: 'reset', deployment: 'demo' }, 0);
  expect(state).toMatchObject({ points: [], resets: 1 });
});

test('events of another deployment change nothing', () => {
  const state = initialLiveState('demo');
  expect(applyLiveEvent(state, point(1000, 'other'), 0)).toBe(state);
});

test('a quiet deployment keeps its newest report', () => {
  let state = applyLiveEvent(initialLiveState('demo'), overview(sampleReport(), 'live'), 0);
  state = applyLiveEvent(state, overview(null, 'quiet'), 0);
  expect(state.overview?.report).toBeNull();
  expect(state.lastReport?.deployment).toBe('demo');
});

test('stale only after a while without events', () => {
  const state = applyLiveEvent(initialLiveState('demo'), point(1), 5_000);
  expect(staleForMs(state, 5_000 + STALE_AFTER_MS)).toBeNull();
  expect(staleForMs(state, 5_001 + STALE_AFTER_MS)).toBe(STALE_AFTER_MS + 1);
  expect(staleForMs(initialLiveState('demo'), 1e9)).toBeNull();
});

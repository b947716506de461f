import { expect, test } from 'vitest';
import type { IncidentJson } from '#lib/api/incidents.ts';
import { freezeRequest } from '#lib/view/freeze-form.ts';
import {
  beforeAfter,
  compareHref,
  evidenceText,
  incidentExtent,
  incidentOrder,
  incidentRange,
  openCount,
} from '#lib/view/incident-view.ts';
import { NOON, sampleEvent } from './sample-alerts.ts';
import { sampleReport } from './sample-report.ts';

const incident = (change: Partial<IncidentJson> = {}): IncidentJson => ({
  id: 'i1',
  title: 'slow',
  deployment: 'demo',
  status: 'open',
  origin: 'alert',
  createdUnixMs: NOON,
  updatedUnixMs: NOON,
  endedUnixMs: null,
  window: {
    fromUnixNs: String(BigInt(NOON - 60_000) * 1_000_000n),
    toUnixNs: String(BigInt(NOON + 60_000) * 1_000_000n),
  },
  alertIds: ['a1'],
  rule: 'straggler',
  severity: 'warning',
  evidence: 'kept',
  evidenceNote: '',
  pinnedBytes: 1,
  notes: [],
  ...change,
});

test('figures beside those of the healthy window, with what got better or worse', () => {
  const latencyNs = { min: 4e7, p50: 5e7, p90: 6e7, p99: 7e7, max: 8e7, mean: 5e7 };
  const report = sampleReport();
  const healthy = { ...report, steps: { ...report.steps, latencyNs, tokensPerSecond: 1000 } };
  const bad = {
    ...report,
    steps: { ...report.steps, latencyNs: { ...latencyNs, p50: 7.5e7 }, tokensPerSecond: 500 },
  };
  const rows = beforeAfter(bad, healthy);
  const row = (name: string) => rows.find((one) => one.name === name);
  expect(row('Step, median')).toMatchObject({ change: 0.5, tone: 'worse' });
  expect(row('Throughput')).toMatchObject({ change: -0.5, tone: 'worse' });
  expect(row('Step, p99')).toMatchObject({ change: 0, tone: 'calm' });
  // Without the other side there is a figure and no change.
  expect(beforeAfter(bad, null).every(({ change }) => change === null)).toBe(true);
  expect(beforeAfter(null, null)).toEqual([]);
});

test('the way to the comparison names both windows, the healthy one as A', () => {
  const window = (from: string, to: string) => ({
    startUnixNs: from,
    endUnixNs: to,
    durationNs: 1,
  });
  const url = new URL(compareHref('demo', window('3', '4'), window('1', '2')), 'http://x');
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    'a.from': '1',
    'a.to': '2',
    'b.from': '3',
    'b.to': '4',
  });
});

test('the timeline opens around the alert that made it, inside the window', () => {
  const firing = sampleEvent({ change: 'firing', atUnixMs: NOON });
  const { fromUnixNs, toUnixNs } = incidentExtent({ incident: incident(), timeline: [firing] });
  expect([fromUnixNs, toUnixNs]).toEqual([
    BigInt(NOON - 2000) * 1_000_000n,
    BigInt(NOON + 2000) * 1_000_000n,
  ]);
  const end = incidentExtent({ incident: incident(), timeline: [] });
  expect(end.toUnixNs).toBe(BigInt(NOON + 60_000) * 1_000_000n);
  expect(incidentRange(incident())).toMatchObject({ kind: 'absolute', fromMs: NOON - 60_000 });
});

test('open ones come first, then the newest', () => {
  const list = incidentOrder([
    incident({ id: 'closed', status: 'resolved', createdUnixMs: NOON + 9 }),
    incident({ id: 'old', createdUnixMs: NOON - 9 }),
    incident({ id: 'new', status: 'acknowledged', createdUnixMs: NOON }),
  ]);
  expect(list.map(({ id }) => id)).toEqual(['new', 'old', 'closed']);
  expect(openCount(list)).toBe(1);
  expect(evidenceText(incident({ evidence: 'released' }))).toMatch(/given to retention/);
});

test('freezing: the last minutes, or the window that is shown', () => {
  const draft = { length: 300 as const, title: ' ', note: ' odd ', author: 'mara ' };
  expect(freezeRequest(draft, 'demo', null)).toEqual({
    deployment: 'demo',
    lastSeconds: 300,
    author: 'mara',
    note: 'odd',
  });
  const shown = { fromUnixNs: 5n, toUnixNs: 9n };
  expect(freezeRequest({ ...draft, length: 'shown', title: 't' }, 'demo', shown)).toMatchObject({
    fromUnixNs: '5',
    toUnixNs: '9',
    title: 't',
  });
});

import { expect, test } from 'vitest';
import { ALERT_METRIC_NAMES, ALERT_METRICS } from '#lib/api/alert-metrics.ts';
import { alertRuleSchema, type ListedRule } from '#lib/api/alert-rules.ts';
import { alertEpisodes, episodeText, filteredEpisodes } from '#lib/view/alert-history.ts';
import { alertLane } from '#lib/view/alert-lane.ts';
import { alertExtent, alertPlace, evidencePage, safeLink } from '#lib/view/alert-links.ts';
import { alertSections, badgeOf, firstGlance, watchText } from '#lib/view/alert-list.ts';
import { alertMarks } from '#lib/view/alert-marks.ts';
import {
  alertSentence,
  METRIC_NAMES,
  metricFigure,
  severityCounts,
  subjectText,
} from '#lib/view/alert-words.ts';
import { figureText } from '#lib/view/format.ts';
import { NOON, sampleAlert, sampleEvent } from './sample-alerts.ts';

const ids = (alerts: readonly { readonly id: string }[]): string[] => alerts.map(({ id }) => id);

test('consequences are folded under the root that explains them, over several steps', () => {
  const { firing, pending, resolved } = alertSections([
    sampleAlert({ id: 'bubble', inhibitedBy: 'imbalance' }),
    sampleAlert({ id: 'imbalance', inhibitedBy: 'root' }),
    sampleAlert({ id: 'root' }),
    sampleAlert({ id: 'worse', severity: 'critical' }),
    sampleAlert({ id: 'soon', state: 'pending' }),
    sampleAlert({ id: 'over', state: 'resolved' }),
  ]);
  expect(firing.map(({ alert }) => alert.id)).toEqual(['worse', 'root']);
  expect(ids(firing[1]!.consequences)).toEqual(['bubble', 'imbalance']);
  expect(ids(pending)).toEqual(['soon']);
  expect(ids(resolved)).toEqual(['over']);
});

test('a chain of explanations that leads round or away loses no alert', () => {
  const { firing } = alertSections([
    sampleAlert({ id: 'a', inhibitedBy: 'b' }),
    sampleAlert({ id: 'b', inhibitedBy: 'a' }),
    sampleAlert({ id: 'c', inhibitedBy: 'gone' }),
  ]);
  const all = firing.flatMap(({ alert, consequences }) => [alert.id, ...ids(consequences)]);
  expect(all.sort()).toEqual(['a', 'b', 'c']);
});

test('what is silenced or acknowledged is listed apart and not counted', () => {
  const acknowledged = { by: 'mara', atUnixMs: NOON, comment: '' };
  const alerts = [
    sampleAlert({ id: 'silenced', silencedBy: ['s1'] }),
    sampleAlert({ id: 'known', acknowledged }),
    sampleAlert({ id: 'new', severity: 'critical' }),
  ];
  const sections = alertSections(alerts);
  expect(sections.quiet.map(({ alert }) => alert.id).sort()).toEqual(['known', 'silenced']);
  expect(badgeOf(alerts)).toEqual({ count: 1, severity: 'critical' });
  expect(firstGlance(alertSections(alerts.slice(0, 2))).head).toBe(
    'Nothing new is wrong; 2 alerts are silenced or acknowledged',
  );
});

test('at a glance: how many of which severity, and what the worst says', () => {
  const glance = firstGlance(
    alertSections([
      sampleAlert({ id: 'w1' }),
      sampleAlert({ id: 'w2' }),
      sampleAlert({ id: 'c', severity: 'critical', annotations: { summary: 'ffn/3 hangs' } }),
      sampleAlert({ id: 'x', inhibitedBy: 'c' }),
    ]),
  );
  expect(glance.head).toBe('1 critical, 2 warnings firing');
  expect(glance.sentence).toBe('ffn/3 hangs (demo).');
  expect(glance.hidden).toBe(1);
  expect(firstGlance(alertSections([])).head).toBe('Nothing is wrong');
  expect(severityCounts([])).toBe('');
});

test('what stands behind silence: rules that are on and can be evaluated', () => {
  const listed = (change: object, error: string | null = null): ListedRule => ({
    rule: alertRuleSchema.parse({ name: 'r', metric: 'bubble_ratio', threshold: 1, ...change }),
    source: 'builtin',
    overrides: false,
    firing: 0,
    pending: 0,
    error,
    changedUnixMs: null,
  });
  const rules = [listed({}), listed({ enabled: false }), listed({}, 'no such figure')];
  expect(watchText(rules, 2)).toBe('1 rule watches 2 deployments; 1 cannot be evaluated');
});

test('an alert without a summary says metric, subject, value and bound', () => {
  expect(alertSentence(sampleAlert())).toBe('Slower than its group of ffn/2: 20.3 % > 8.0 %');
  expect(alertSentence(sampleAlert({ noData: true }))).toContain('no data');
  expect(subjectText({ group: 'ffn', stage: 'a2f_recv', layer: '7' })).toBe(
    'ffn, a2f recv, layer 7',
  );
});

test('every metric has a name, and its values a unit that people read', () => {
  for (const name of ALERT_METRIC_NAMES) {
    expect(METRIC_NAMES[name].length, name).toBeGreaterThan(3);
    expect(figureText(metricFigure(name, ALERT_METRICS[name].unit, 0.5)), name).not.toBe('–');
  }
  const text = (metric: string, unit: string, value: number | null) =>
    figureText(metricFigure(metric, unit, value));
  expect(text('bubble_ratio', 'ratio', 0.382)).toBe('38.2 %');
  expect(text('expert_max_over_mean', 'ratio', 1.93)).toBe('1.93 ×');
  expect(text('tpot_seconds', 'seconds', 0.0523)).toBe('52.3 ms');
  expect(text('condition', 'flag', 1)).toBe('yes');
  expect(text('bubble_ratio', 'ratio', null)).toBe('–');
});

test('links: a bounded stretch of the timeline, the rows and the page of the figure', () => {
  const { fromUnixNs, toUnixNs } = alertExtent(sampleAlert({ updatedAtUnixMs: NOON + 9e6 }));
  expect(Number(toUnixNs - fromUnixNs)).toBe(60e9);
  expect(fromUnixNs).toBeLessThan(BigInt(NOON) * 1_000_000n);
  expect(alertPlace({ worker: 'ffn/2', layer: '3-60' })).toEqual({ worker: 'ffn/2' });
  expect(alertPlace({ layer: '12' })).toEqual({ layer: 12 });
  expect(evidencePage(sampleAlert()).path).toBe('/stragglers');
  expect(evidencePage(sampleAlert({ metric: 'report:balance.taNs' })).path).toBe('/balance');
  expect(evidencePage(sampleAlert({ metric: 'tpot_seconds' })).path).toBe('/');
  const over = evidencePage(
    sampleAlert({ state: 'resolved', resolvedAtUnixMs: NOON + 20_000 }),
  ).change;
  expect(over.range).toMatchObject({ kind: 'absolute' });
  expect(safeLink('javascript:alert(1)')).toBeNull();
  expect(safeLink('https://wiki.example/x')).toBe('https://wiki.example/x');
});

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

test('history becomes episodes from the first sign to the end', () => {
  const [fired, pendingOnly] = alertEpisodes([
    sampleEvent({ change: 'resolved', atUnixMs: NOON + 5 * MINUTE }),
    sampleEvent({ change: 'firing', atUnixMs: NOON + MINUTE }),
    sampleEvent({ change: 'pending', atUnixMs: NOON + 50 * SECOND }),
    sampleEvent({ change: 'dropped', atUnixMs: NOON + 10 * SECOND }),
    sampleEvent({ change: 'pending', atUnixMs: NOON }),
  ]);
  expect(fired).toMatchObject({
    fromUnixMs: NOON + 50 * SECOND,
    firedUnixMs: NOON + MINUTE,
    toUnixMs: NOON + 5 * MINUTE,
    isFlapping: false,
  });
  expect(pendingOnly).toMatchObject({ firedUnixMs: null, toUnixMs: NOON + 10 * SECOND });
  expect(episodeText(fired!, NOON)).toBe('fired for 4 min');
  expect(episodeText(pendingOnly!, NOON)).toBe('pending for 10 s');
});

test('an event that comes twice, and an end without its beginning, make no second episode', () => {
  const firing = sampleEvent({ change: 'firing' });
  const end = sampleEvent({ change: 'resolved', atUnixMs: NOON + MINUTE });
  expect(alertEpisodes([firing, firing, end, end])).toHaveLength(1);
  const [cut] = alertEpisodes([end]);
  expect(cut).toMatchObject({ firedUnixMs: NOON + MINUTE, toUnixMs: NOON + MINUTE });
  // Somebody's word alone is no episode.
  expect(alertEpisodes([sampleEvent({ change: 'silenced' })])).toEqual([]);
});

test('fired three times within an hour is flapping, and only those', () => {
  const events = [0, 20, 40, 200].flatMap((minutes) => [
    sampleEvent({ change: 'firing', atUnixMs: NOON + minutes * MINUTE }),
    sampleEvent({ change: 'resolved', atUnixMs: NOON + (minutes + 1) * MINUTE }),
  ]);
  const episodes = alertEpisodes(events);
  expect(episodes.map(({ isFlapping }) => isFlapping)).toEqual([false, true, true, true]);
  expect(filteredEpisodes(episodes, 'flapping')).toHaveLength(3);
  expect(filteredEpisodes(episodes, 'fired')).toHaveLength(4);
});

test('marks of a window: what fired in it, what fired before and still does, no consequence', () => {
  const window = { fromMs: NOON, toMs: NOON + 5 * MINUTE };
  const events = [
    sampleEvent({ change: 'firing', atUnixMs: NOON + MINUTE }),
    sampleEvent({ change: 'resolved', atUnixMs: NOON + 2 * MINUTE }),
    sampleEvent({ alertId: 'child', change: 'firing', atUnixMs: NOON + MINUTE }),
    sampleEvent({ alertId: 'child', change: 'inhibited', atUnixMs: NOON + MINUTE }),
    sampleEvent({ alertId: 'past', change: 'firing', atUnixMs: NOON - 9 * MINUTE }),
    sampleEvent({ alertId: 'past', change: 'resolved', atUnixMs: NOON - 8 * MINUTE }),
  ];
  const old = sampleAlert({ id: 'old', severity: 'critical', firedAtUnixMs: NOON - 60 * MINUTE });
  const marks = alertMarks(events, [old], window);
  expect(marks.map(({ alertId, toUnixMs }) => [alertId, toUnixMs])).toEqual([
    ['old', null],
    ['a1', NOON + 2 * MINUTE],
  ]);
  expect(marks[0]!.text).toContain('Firing since');
});

test('the lane of the timeline: cut to the view, wide enough to point at, the worst above', () => {
  const view = { fromUnixNs: BigInt(NOON) * 1_000_000n, fractionNs: 0, spanNs: 100e9 };
  const mark = (id: string, fromS: number, toS: number | null) => ({
    alertId: id,
    rule: id,
    severity: 'warning' as const,
    fromUnixMs: NOON + fromS * SECOND,
    toUnixMs: toS === null ? null : NOON + toS * SECOND,
    text: id,
  });
  const marks = [mark('open', 40, null), mark('short', 50, 50), mark('before', -20, -10)];
  const items = alertLane([...marks, mark('late', 99, 200), mark('early', -9, 10)], view, 1000);
  expect(items.map((item) => [item.mark.alertId, item.leftPx, item.widthPx])).toEqual([
    ['early', 0, 100],
    ['late', 986, 14],
    ['short', 500, 14],
    ['open', 400, 600],
  ]);
});

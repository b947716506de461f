/** The loop on a real database, second by second, with a clock of its own. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AlertNotifier, IncidentRecorder } from '#collector/alert/alert-parts.ts';
import { AlertService } from '#collector/alert/alert-service.ts';
import { readAlertState, readSamples } from '#collector/alert/stored-state.ts';
import { type AlertRuleInput, alertRuleSchema } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { ruleCheck } from '#lib/query/alert-rules.ts';
import { alertHistory, listAlerts } from '#lib/query/alerts.ts';
import { openStateReader, openStateWriter } from '#lib/store/open-store.ts';
import type { StateChanges, StateStore } from '#lib/store/state-store.ts';
import { sampleOverview } from '#test/support/admin-samples.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const START = 1_793_000_040_000;
const RULE: AlertRuleInput = {
  name: 'bubbles',
  metric: 'bubble_ratio',
  where: { group: 'attention' },
  threshold: 0.5,
  window: '5s',
  for: '5s',
};

let data: string;
let store: StateStore;
let now: number;
let refusal: string | null;
let written: StateChanges[];
let told: (readonly AlertJson[])[];
let planned: readonly AlertJson[];
let service: AlertService;
let overviews: Map<string, Overview>;
let conditions: Condition[];
let recorded: AlertJson[];

const notifier: Pick<AlertNotifier, 'plan' | 'committed'> = {
  plan: (alerts) => {
    planned = alerts;
    return [];
  },
  committed: () => {
    told.push(planned);
  },
};
const recorder: Pick<IncidentRecorder, 'fired' | 'follow'> = {
  fired: (alert) => {
    recorded.push(alert);
    return { incidentId: `incident-${recorded.length}`, documents: [], pins: [] };
  },
  follow: () => [],
};

async function start(...rules: AlertRuleInput[]): Promise<void> {
  service = new AlertService({
    standing: (rules.length === 0 ? [RULE] : rules).map((rule) => ({
      rule: alertRuleSchema.parse(rule),
      source: 'builtin' as const,
    })),
    check: ruleCheck,
    ruleProblems: [],
    store: {
      change: async (changes) => {
        if (refusal !== null) throw new Error(refusal);
        written.push(changes);
        await store.change(changes);
      },
      pin: async () => undefined,
      unpin: async () => undefined,
    },
    overviews: () => overviews,
    conditions: () => conditions,
    notifier,
    recorder,
    nowUnixMs: () => now,
    onWarning: () => undefined,
  });
  service.load(await readAlertState({ data }, now));
  await readSamples({ data }, now - service.lookBackMs, (set) => service.remember(set));
}

beforeEach(async () => {
  data = scratchFolder();
  store = await openStateWriter({ data });
  now = START;
  refusal = null;
  written = [];
  told = [];
  recorded = [];
  overviews = new Map();
  conditions = [];
  await start();
});
afterEach(() => store.close());

/** Live figures as they are a second later. */
function figures(bubbleRatio: number, deployment = 'prod'): void {
  const overview = sampleOverview(deployment);
  const { report } = overview;
  overviews.set(deployment, {
    ...overview,
    atUnixMs: now,
    report: report && {
      ...report,
      window: {
        ...report.window,
        startUnixNs: String(unixNanosFromMs(now - 5000)),
        endUnixNs: String(unixNanosFromMs(now)),
      },
      groups: report.groups.map((group) => ({
        ...group,
        activeNs: 5e9,
        activeBubbleRatio: group.group === 'attention' ? bubbleRatio : 0.1,
      })),
    },
  });
}

/** `ratio` null: nothing comes. */
async function seconds(count: number, ratio: number | null): Promise<void> {
  for (let i = 0; i < count; i++) {
    now += 1000;
    if (ratio !== null) figures(ratio);
    await service.look();
    await service.idle();
  }
}

async function onDisk() {
  const reader = await openStateReader({ data });
  const { alerts } = await listAlerts(reader, {});
  const at = unixNanosFromMs(now + 1000);
  const { events } = await alertHistory(reader, {}, at);
  await reader.close();
  return { alerts, changes: events.map(({ change }) => change).reverse(), events };
}

describe('an alert', () => {
  test('is pending, fires, and ends: on disk at each step, and told after', async () => {
    await seconds(5, 0.2);
    expect(service.alerts().alerts).toEqual([]);
    expect(written).toEqual([]);
    await seconds(3, 0.9);
    expect((await onDisk()).alerts).toMatchObject([{ state: 'pending', rule: 'bubbles' }]);
    await seconds(10, 0.9);
    const { alerts, changes } = await onDisk();
    expect(alerts).toMatchObject([
      { state: 'firing', deployment: 'prod', incidentId: 'incident-1', firedCount: 1 },
    ]);
    expect(changes).toEqual(['pending', 'firing']);
    expect(recorded).toMatchObject([{ state: 'firing', rule: 'bubbles' }]);
    expect(told.flat().some(({ state }) => state === 'firing')).toBe(true);
    const firing = written.length;
    await seconds(5, 0.9);
    // Nothing changed, nothing is written.
    expect(written.length).toBe(firing);
    await seconds(12, 0.2);
    const after = await onDisk();
    expect(after.changes).toEqual(['pending', 'firing', 'resolved']);
    expect(after.alerts).toMatchObject([{ state: 'resolved' }]);
    expect(service.alerts()).toMatchObject({ evaluatedUnixMs: now });
  });

  test('goes on after a restart with its beginning, and nobody is told again', async () => {
    await seconds(20, 0.9);
    const before = (await onDisk()).alerts[0]!;
    expect(before.state).toBe('firing');
    recorded = [];
    // As after kill -9: nothing is said, nothing is stopped.
    now += 5000;
    await start();
    expect(service.alerts().alerts).toMatchObject([{ id: before.id, state: 'firing' }]);
    await seconds(20, 0.9);
    const after = await onDisk();
    expect(after.changes).toEqual(['pending', 'firing']);
    expect(after.alerts).toMatchObject([
      { startsAtUnixMs: before.startsAtUnixMs, firedAtUnixMs: before.firedAtUnixMs },
    ]);
    expect(recorded).toEqual([]);
    expect(after.alerts[0]!.incidentId).toBe('incident-1');
  });

  test('that ended while nobody looked is over once data comes, not before', async () => {
    await seconds(20, 0.9);
    now += 60_000;
    await start();
    await seconds(3, null);
    expect(service.alerts().alerts).toMatchObject([{ state: 'firing' }]);
    await seconds(12, 0.1);
    expect((await onDisk()).changes).toEqual(['pending', 'firing', 'resolved']);
  });

  test('fires on where data ends, if its rule says so, and ends where it says that', async () => {
    await seconds(20, 0.9);
    overviews = new Map();
    await seconds(120, null);
    expect(service.alerts().alerts).toMatchObject([{ state: 'firing' }]);
    await start({ ...RULE, no_data: 'resolve' });
    await seconds(60, null);
    expect((await onDisk()).changes.at(-1)).toBe('resolved');
  });

  test('pending for a while is so after a restart: samples are on disk with it', async () => {
    await start({ ...RULE, for: '20s' });
    await seconds(15, 0.9);
    expect((await onDisk()).changes).toEqual(['pending']);
    now += 1000;
    await start({ ...RULE, for: '20s' });
    await seconds(15, 0.9);
    expect((await onDisk()).changes).toEqual(['pending', 'firing']);
  });

  test('of a condition of the collector belongs to no deployment and is not recorded', async () => {
    await start({ name: 'degraded', metric: 'condition', threshold: 0, window: '5s' });
    conditions = [
      {
        name: 'overload',
        severity: 'warning',
        notReady: false,
        sinceUnixMs: now,
        detail: 'more comes than can be stored',
        remedy: 'more cores',
      },
    ];
    await seconds(8, null);
    expect(service.alerts().alerts).toMatchObject([
      { deployment: '', state: 'firing', labels: { condition: 'overload' }, incidentId: null },
    ]);
    conditions = [];
    await seconds(10, null);
    expect((await onDisk()).changes.at(-1)).toBe('resolved');
    expect(recorded).toEqual([]);
  });
});

describe('a store that refuses', () => {
  test('alerts go on in memory, nobody is told, and all of it is written later', async () => {
    refusal = 'the disk is full';
    await seconds(20, 0.9);
    expect(service.alerts().alerts).toMatchObject([{ state: 'firing' }]);
    expect((await onDisk()).alerts).toEqual([]);
    expect(told).toEqual([]);
    expect(service.counts.refusals).toBeGreaterThan(5);
    refusal = null;
    await seconds(1, 0.9);
    const { alerts, changes } = await onDisk();
    expect(alerts).toMatchObject([{ state: 'firing' }]);
    expect(changes).toEqual(['pending', 'firing']);
    expect(told.flat().filter(({ state }) => state === 'firing')).toHaveLength(1);
  });
});

describe('silences and acknowledgements', () => {
  const silence = {
    matchers: [{ name: 'group', value: 'att.*', isRegex: true }],
    author: 'on-call',
    comment: 'known',
  };

  test('a silence marks the alert, in the history too, until it ends', async () => {
    await seconds(20, 0.9);
    const made = await service.putSilence({ ...silence, endsAtUnixMs: now + 10_000 });
    if (!made.ok) throw new Error(made.error.detail);
    await seconds(2, 0.9);
    expect((await onDisk()).alerts).toMatchObject([{ silencedBy: [made.value.id] }]);
    await start();
    await seconds(2, 0.9);
    expect(service.alerts().alerts).toMatchObject([{ silencedBy: [made.value.id] }]);
    await seconds(10, 0.9);
    const { alerts, changes, events } = await onDisk();
    expect(alerts).toMatchObject([{ silencedBy: [], state: 'firing' }]);
    expect(changes).toEqual(['pending', 'firing', 'silenced', 'unsilenced']);
    expect(events[1]!.detail).toContain('by on-call until 20');
  });

  test('an acknowledgement ends with the alert', async () => {
    await seconds(20, 0.9);
    const { id } = service.alerts().alerts[0]!;
    const given = await service.acknowledge({ alertId: id, by: 'ann', comment: 'on it' });
    expect(given).toMatchObject({ ok: true, value: { acknowledged: { by: 'ann' } } });
    await start();
    await seconds(2, 0.9);
    expect(service.alerts().alerts).toMatchObject([
      { acknowledged: { by: 'ann', atUnixMs: expect.any(Number) } },
    ]);
    await seconds(15, 0.1);
    expect(service.alerts().alerts).toMatchObject([{ state: 'resolved', acknowledged: null }]);
    const late = await service.acknowledge({ alertId: id, by: 'ann' });
    expect(late).toMatchObject({ ok: false, error: { status: 409 } });
    await seconds(20, 0.9);
    expect(service.alerts().alerts).toMatchObject([
      { state: 'firing', acknowledged: null, firedCount: 2, incidentId: 'incident-2' },
    ]);
    expect((await onDisk()).changes).toEqual([
      ...['pending', 'firing', 'acknowledged', 'resolved', 'pending', 'firing'],
    ]);
  });
});

test('a rule that is deleted ends its alerts; a changed one goes on with them', async () => {
  await service.putRule({ ...RULE, name: 'mine' }, undefined);
  await seconds(20, 0.9);
  expect(service.rules().rules.map(({ firing }) => firing)).toEqual([1, 1]);
  await service.putRule({ ...RULE, name: 'mine', severity: 'critical' }, undefined);
  await seconds(2, 0.9);
  const mine = () => service.alerts().alerts.filter(({ rule }) => rule === 'mine');
  expect(mine()).toMatchObject([{ severity: 'critical', state: 'firing', firedCount: 1 }]);
  await service.deleteRule('mine');
  await seconds(2, 0.9);
  expect(mine()).toMatchObject([{ state: 'resolved' }]);
});

test('samples are kept a row a minute, and old ones go', async () => {
  const old = unixNanosFromMs(START - 8 * 86_400_000);
  await store.change({
    log: [{ topic: 'sample', subject: 'x', deployment: 'x', atUnixNs: old, part: '', detail: 'x' }],
  });
  await seconds(130, 0.2);
  const rows = await store.logged({ topic: 'sample', order: 'oldest' });
  expect(rows.map(({ deployment }) => deployment)).toEqual(['prod', 'prod']);
  expect(written).toHaveLength(2);
  await service.stop();
  const looks: number[] = [];
  await readSamples({ data }, START, ({ atUnixMs }) => looks.push(atUnixMs));
  expect(looks.length).toBeGreaterThan(24);
  expect(looks).toEqual([...looks].sort((a, b) => a - b));
});

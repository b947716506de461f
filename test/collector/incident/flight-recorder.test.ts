/** The flight recorder on a real SQLite store: what it keeps, and what retention may not take. */
import { expect, onTestFinished, test } from 'vitest';
import { unixNanosFromMs } from '#lib/base/units.ts';
import {
  DEPLOYMENT,
  fillSeconds,
  firedAlert,
  type IncidentWorld,
  incidentWorld,
  keptSeconds,
  retainAt,
  START_MS,
  type WorldOptions,
} from '#test/support/incident-world.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

async function world(options: WorldOptions = {}): Promise<IncidentWorld> {
  const made = await incidentWorld(scratchFolder(), options);
  onTestFinished(() => made.close());
  return made;
}

const ns = (second: number): string => String(unixNanosFromMs(START_MS + second * 1000));

/** As the alert service does: documents and pins are written before anything else happens. */
async function fire(
  { recorder, state, telemetry }: IncidentWorld,
  second: number,
  more: Parameters<typeof firedAlert>[1] = {},
): Promise<string> {
  const { incidentId, documents, pins } = recorder.fired(
    firedAlert(second, more),
    START_MS + second * 1000,
  );
  await state.change({ put: documents });
  for (const { pinId, deployment, ...window } of pins) {
    await telemetry.pin(pinId, deployment, window);
  }
  return incidentId;
}

async function settleAt(made: IncidentWorld, second: number): Promise<void> {
  made.nowUnixMs = START_MS + second * 1000;
  await made.recorder.settle(made.nowUnixMs);
}

test('an alert pins its window at once, and the window is told once it is over', async () => {
  const made = await world();
  await fillSeconds(made, 60);
  const id = await fire(made, 45, { startsAt: 40 });
  const [pin] = await made.telemetry.pins(DEPLOYMENT);
  expect([String(pin?.fromUnixNs), String(pin?.toUnixNs)]).toEqual([ns(29), ns(56)]);
  let { incident, report, setup } = await made.detail(id);
  expect(incident).toMatchObject({
    ...{ title: 'attention/1 is slow', status: 'open', origin: 'alert', evidence: 'recording' },
    window: { fromUnixNs: ns(30), toUnixNs: ns(55) },
    ...{ alertIds: ['a1'], rule: 'straggler', severity: 'warning' },
  });
  expect(report).toBeNull();
  expect(setup).toEqual({ version: '1.2.3', config: { 'retention.raw': '2h' }, rules: [] });
  await settleAt(made, 69);
  expect((await made.detail(id)).incident.evidence).toBe('recording');
  await settleAt(made, 71);
  const done = await made.detail(id);
  ({ incident, report } = done);
  expect(incident).toMatchObject({ evidence: 'kept', evidenceNote: '' });
  expect(incident.pinnedBytes).toBeGreaterThan(0);
  expect(report).toMatchObject({
    exactness: 'raw',
    window: { startUnixNs: ns(30), endUnixNs: ns(55) },
  });
  expect(done.baseline?.window.endUnixNs).toBe(ns(30));
  expect(done.setup.version).toBe('1.2.3');
});

/** Chunks are kept whole: the first one ends just inside of what is pinned. */
test('retention takes everything but the pinned window, by age and by size', async () => {
  const made = await world();
  await fillSeconds(made, 60);
  await fire(made, 30);
  await settleAt(made, 60);
  await retainAt(made, 60, { rawBytes: 0 });
  expect(await keptSeconds(made)).toEqual([18, 40]);
  await fillSeconds(made, 10, { fromSecond: 10_000 });
  await retainAt(made, 10_005, { rawS: 60 });
  expect(await keptSeconds(made)).toEqual([18, 10_009]);
  await retainAt(made, 20_000, { rawS: 60 });
  expect(await keptSeconds(made)).toEqual([18, 40]);
});

test('frozen by hand, noted, resolved, released, deleted', async () => {
  const made = await world();
  await fillSeconds(made, 60);
  const { recorder } = made;
  const request = { deployment: DEPLOYMENT, author: 'ann', note: 'look at this' };
  const frozen = await recorder.freeze({ ...request, lastSeconds: 20 }, START_MS + 60_000);
  expect(frozen).toMatchObject({
    ...{ origin: 'manual', status: 'open', title: 'Frozen by hand: 20 s' },
    notes: [{ author: 'ann', text: 'look at this' }],
  });
  await settleAt(made, 80);
  expect(await made.detail(frozen.id)).toMatchObject({
    incident: { evidence: 'kept' },
    report: { exactness: 'raw' },
  });
  const note = { author: 'bob', text: 'a cable' };
  await recorder.change(frozen.id, { status: 'resolved', note }, START_MS + 90_000);
  await recorder.change(frozen.id, { title: 'A bad cable', release: true }, START_MS + 91_000);
  const { incident, report } = await made.detail(frozen.id);
  expect(incident).toMatchObject({
    ...{ title: 'A bad cable', status: 'resolved', evidence: 'released', pinnedBytes: 0 },
    notes: [{ text: 'look at this' }, { text: 'a cable' }],
  });
  expect(report).not.toBeNull();
  expect(await made.telemetry.pins()).toEqual([]);
  expect(await recorder.remove(frozen.id)).toBe(true);
  expect(await recorder.remove(frozen.id)).toBe(false);
  await expect(made.detail(frozen.id)).rejects.toThrow('There is no incident');
  await expect(recorder.change('x', {}, START_MS)).rejects.toThrow('There is no incident');
});

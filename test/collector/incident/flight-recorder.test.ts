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

test('the end of its alerts is written down, and it stays open until somebody resolves it', async () => {
  const made = await world();
  await fillSeconds(made, 60);
  const id = await fire(made, 30);
  expect(await fire(made, 35, { id: 'a2', severity: 'critical' })).toBe(id);
  const ended = (alertId: string, second: number) => {
    const alert = { ...firedAlert(30, { id: alertId }), lastTrueAtUnixMs: null };
    const at = START_MS + second * 1000;
    const changes = [{ alert, change: 'resolved' as const, atUnixMs: at, detail: '' }];
    return made.state.change({ put: made.recorder.follow(changes, at) });
  };
  await ended('a1', 40);
  expect((await made.detail(id)).incident).toMatchObject({
    ...{ endedUnixMs: null, severity: 'critical', alertIds: ['a1', 'a2'] },
  });
  await ended('a2', 50);
  await ended('unknown', 51);
  expect((await made.detail(id)).incident).toMatchObject({
    ...{ endedUnixMs: START_MS + 50_000, status: 'open' },
  });
});

test('more than all may keep: the oldest give way, resolved ones first, never one that records', async () => {
  const folder = scratchFolder();
  let made = await incidentWorld(folder);
  onTestFinished(() => made.close());
  await fillSeconds(made, 200);
  const ids = [await fire(made, 20, { id: 'a' }), await fire(made, 60, { id: 'b' })];
  expect(ids[0]).toBe(ids[1]);
  await made.recorder.change(ids[0]!, { status: 'resolved' }, START_MS + 61_000);
  const second = await fire(made, 100, { id: 'c' });
  await settleAt(made, 190);
  await made.recorder.change(second, { status: 'resolved' }, START_MS + 190_000);
  const third = await fire(made, 150, { id: 'd' });
  await settleAt(made, 195);
  const sizes = await Promise.all(
    [ids[0]!, second, third].map(async (id) => (await made.detail(id)).incident.pinnedBytes ?? 0),
  );
  expect(Math.min(...sizes)).toBeGreaterThan(0);
  await made.recorder.change(ids[0]!, { status: 'open' }, START_MS + 196_000);
  await made.close();
  // Room for the two that are not resolved.
  made = await incidentWorld(folder, { recordBytes: sizes[0]! + sizes[2]! });
  await settleAt(made, 200);
  const evidence = async () =>
    Promise.all(
      [ids[0]!, second, third].map(async (id) => (await made.detail(id)).incident.evidence),
    );
  expect(await evidence()).toEqual(['kept', 'released', 'kept']);
  expect((await made.detail(second)).incident.evidenceNote).toContain(
    'incidents together may keep',
  );
  expect((await made.detail(second)).report).not.toBeNull();
  expect(made.warnings.join()).toContain(`incident ${second} was released`);
  await made.close();
  // Room for none: one that records is cut to what fits, the others are released.
  made = await incidentWorld(folder, { recordBytes: sizes[2]! / 2 });
  for (const id of [ids[0]!, third]) {
    await made.recorder.change(id, { status: 'resolved' }, START_MS + 194_000);
  }
  const recording = await fire(made, 195, { id: 'e' });
  await settleAt(made, 201);
  expect(await evidence()).toEqual(['released', 'released', 'released']);
  await settleAt(made, 230);
  const { incident, report } = await made.detail(recording);
  expect(incident.evidence).toBe('partial');
  expect(incident.evidenceNote).toMatch(/Of 20\.0 s, \d+\.\d s around the alert are kept/);
  expect(incident.pinnedBytes).toBeLessThanOrEqual(sizes[2]! / 2);
  expect(incident.pinnedBytes).toBeGreaterThan(0);
  expect(report?.exactness).toBe('raw');
  const fired = BigInt(ns(195));
  expect(BigInt(incident.window.fromUnixNs) < fired).toBe(true);
  expect(BigInt(incident.window.toUnixNs) >= fired).toBe(true);
});

test('live events keep half of what raw events may take', async () => {
  const made = await world({ rawBytes: 1000, recordBytes: 5e9 });
  await fillSeconds(made, 60);
  const id = await fire(made, 30);
  await settleAt(made, 60);
  expect((await made.detail(id)).incident.evidenceNote).toContain('half of retention.rawBytes');
});

test('what retention had taken before is said', async () => {
  const made = await world();
  await fillSeconds(made, 60, { sums: true });
  await retainAt(made, 60, { rawS: 35 });
  const request = { deployment: DEPLOYMENT, author: '', note: '' };
  const frozen = await made.recorder.freeze(
    { ...request, fromUnixNs: ns(10), toUnixNs: ns(50) },
    START_MS + 60_000,
  );
  await settleAt(made, 70);
  const { incident } = await made.detail(frozen.id);
  expect(incident.evidence).toBe('partial');
  expect(incident.evidenceNote).toMatch(
    /^Raw events of 2026-11-23 14:00:\d\d to 14:00:2\d UTC had been deleted by retention before/,
  );
  await expect(
    made.recorder.freeze({ ...request, fromUnixNs: ns(2), toUnixNs: ns(9) }, START_MS + 60_000),
  ).rejects.toThrow('No raw events of prod are kept in this window');
  await expect(
    made.recorder.freeze({ ...request, deployment: 'x', lastSeconds: 9 }, START_MS + 60_000),
  ).rejects.toThrow('There is no deployment "x"');
  await expect(
    made.recorder.freeze({ ...request, lastSeconds: 9 }, START_MS + 600_000),
  ).rejects.toThrow('its newest event is of 2026-11-23T14:01:00');
});

test('a deployment that was silent has lost nothing', async () => {
  const made = await world();
  await fillSeconds(made, 20, { sums: true });
  await fillSeconds(made, 20, { fromSecond: 40, sums: true });
  const id = await fire(made, 45, { startsAt: 30 });
  await settleAt(made, 80);
  expect((await made.detail(id)).incident).toMatchObject({ evidence: 'kept', evidenceNote: '' });
});

test('killed in the middle it goes on, and pins are as they should be', async () => {
  const made = await world();
  await fillSeconds(made, 60);
  const id = await fire(made, 30);
  const gone = await fire(made, 50, { id: 'x', deployment: 'other' });
  // Killed between a document and its pin, and between a deletion and its unpinning.
  await made.telemetry.unpin(`incident/${id}`);
  await made.state.change({ remove: [{ kind: 'incident', id: gone }] });
  await made.telemetry.pin('import/1', DEPLOYMENT, {
    fromUnixNs: unixNanosFromMs(START_MS),
    toUnixNs: unixNanosFromMs(START_MS + 1),
  });
  const again = await made.restarted();
  onTestFinished(() => again.close());
  const names = (await again.telemetry.pins()).map(({ pinId }) => pinId);
  expect(names.sort()).toEqual(['import/1', `incident/${id}`]);
  expect((await again.detail(id)).incident.evidence).toBe('recording');
  await settleAt(again, 60);
  expect((await again.detail(id)).incident.evidence).toBe('kept');
  expect((await again.detail(id)).setup.version).toBe('1.2.3');
});

test('what cannot be written is written later; what was refused is not there', async () => {
  let isBroken = false;
  const made = await world({ broken: () => isBroken });
  await fillSeconds(made, 60);
  const id = await fire(made, 30);
  isBroken = true;
  const note = (text: string) => ({ note: { author: 'ann', text } });
  await expect(
    made.recorder.change(id, { status: 'resolved', ...note('lost') }, START_MS + 31_000),
  ).rejects.toThrow('the disk is full');
  const request = { deployment: DEPLOYMENT, author: '', note: '', lastSeconds: 10 };
  await expect(made.recorder.freeze(request, START_MS + 60_000)).rejects.toThrow('disk is full');
  await expect(made.recorder.remove(id)).rejects.toThrow('disk is full');
  const other = made.recorder.fired(
    firedAlert(32, { id: 'z', deployment: 'other' }),
    START_MS + 32_000,
  ).incidentId;
  await expect(settleAt(made, 33)).rejects.toThrow('the disk is full');
  isBroken = false;
  await settleAt(made, 34);
  expect((await made.detail(id)).incident).toMatchObject({ status: 'open', notes: [] });
  expect((await made.detail(other)).incident.deployment).toBe('other');
  expect(await made.telemetry.pins('other')).toHaveLength(1);
  const many = ['one', 'two', 'three'].map((text, i) =>
    made.recorder.change(id, note(text), START_MS + 40_000 + i),
  );
  await Promise.all([...many, made.recorder.change(id, { title: 'T' }, START_MS + 41_000)]);
  const { incident } = await made.detail(id);
  expect(incident.notes.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  expect(incident.title).toBe('T');
});

test('an alert about the collector itself is an incident without raw events', async () => {
  const made = await world();
  await fillSeconds(made, 10);
  const id = await fire(made, 5, { deployment: '', rule: 'ingest_dropping' });
  await settleAt(made, 6);
  expect(await made.telemetry.pins()).toEqual([]);
  expect(await made.detail(id)).toMatchObject({
    incident: { evidence: 'partial', pinnedBytes: 0, deployment: '' },
    report: null,
  });
});

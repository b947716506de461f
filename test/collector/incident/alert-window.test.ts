/** Which window an alert asks for, and which incident takes it in: pure. */
import { describe, expect, test } from 'vitest';
import { joined, maxWindowMs, wantedWindow } from '#collector/incident/alert-window.ts';
import { type IncidentRecord, windowOf } from '#collector/incident/incident-record.ts';
import { unixMsFromNanos, unixNanosFromMs } from '#lib/base/units.ts';
import { DEPLOYMENT, firedAlert, START_MS } from '#test/support/incident-world.ts';

const CONFIG = { beforeMs: 60_000, afterMs: 60_000 };
const ns = (second: number): string => String(unixNanosFromMs(START_MS + second * 1000));

/** Made by `a1`, which fired at second 100. */
function incident(more: Partial<IncidentRecord> = {}): IncidentRecord {
  return {
    id: 'i',
    title: 't',
    deployment: DEPLOYMENT,
    status: 'open',
    origin: 'alert',
    createdUnixMs: START_MS + 100_000,
    updatedUnixMs: START_MS + 100_000,
    endedUnixMs: null,
    window: { fromUnixNs: ns(40), toUnixNs: ns(160) },
    alertIds: ['a1'],
    rule: 'r',
    severity: 'warning',
    evidence: 'kept',
    evidenceNote: '',
    pinnedBytes: 1000,
    notes: [],
    recorder: {
      focusUnixMs: START_MS + 100_000,
      lastFiredUnixMs: START_MS + 100_000,
      finishAtUnixMs: START_MS + 175_000,
      firingIds: ['a1'],
      cutNote: '',
    },
    ...more,
  };
}

function joinedAt(
  second: number,
  alert: Parameters<typeof firedAlert>[1] = {},
  record: IncidentRecord = incident(),
) {
  const now = START_MS + second * 1000;
  const done = joined(record, firedAlert(second, { id: 'a2', ...alert }), now, CONFIG);
  if (done === null) return null;
  const { fromUnixNs, toUnixNs } = windowOf(done);
  const seconds = [fromUnixNs, toUnixNs].map((at) => (unixMsFromNanos(at) - START_MS) / 1000);
  return { record: done, seconds };
}

describe('the window of an alert', () => {
  test('from before its trouble began to after it fired', () => {
    expect(wantedWindow(firedAlert(300, { startsAt: 270 }), CONFIG)).toEqual({
      fromUnixMs: START_MS + 210_000,
      toUnixMs: START_MS + 360_000,
      cutNote: '',
    });
  });

  test('of trouble that began long ago, the newest ten minutes, and it is said', () => {
    const { fromUnixMs, toUnixMs, cutNote } = wantedWindow(
      firedAlert(3600, { startsAt: 0 }),
      CONFIG,
    );
    expect([fromUnixMs, toUnixMs]).toEqual([START_MS + 3_060_000, START_MS + 3_660_000]);
    expect(cutNote).toContain('The trouble began at 2026-11-23 14:00:00 UTC');
  });

  test('a longer one is taken where it is configured', () => {
    const config = { beforeMs: 900_000, afterMs: 900_000 };
    expect(maxWindowMs(config)).toBe(1_800_000);
    expect(wantedWindow(firedAlert(1000), config).cutNote).toBe('');
  });
});

describe('joining', () => {
  test('while it records: the window grows, and it records on', () => {
    const done = joinedAt(130);
    expect(done?.seconds).toEqual([40, 190]);
    expect(done?.record).toMatchObject({
      evidence: 'recording',
      alertIds: ['a1', 'a2'],
      recorder: { firingIds: ['a1', 'a2'], finishAtUnixMs: START_MS + 205_000 },
    });
  });

  test('up to five minutes after its window', () => {
    expect(joinedAt(459)?.seconds).toEqual([40, 519]);
    expect(joinedAt(461)).toBeNull();
  });

  test('the window stays within ten minutes: another trouble gets one of its own', () => {
    const late = incident({ window: { fromUnixNs: ns(40), toUnixNs: ns(600) } });
    expect(joinedAt(570, {}, late)?.seconds).toEqual([40, 630]);
    expect(joinedAt(590, {}, late)?.seconds).toEqual([40, 600]);
    expect(joinedAt(650, {}, late)).toBeNull();
  });

  test('the same alert, again and again, is one incident', () => {
    const late = incident({ window: { fromUnixNs: ns(40), toUnixNs: ns(600) } });
    const again = joinedAt(800, { id: 'a1' }, late);
    expect(again?.record).toMatchObject({ alertIds: ['a1'], evidence: 'kept' });
    expect(joinedAt(1090, { id: 'a1' }, again?.record)).not.toBeNull();
    expect(joinedAt(1200, { id: 'a1' }, again?.record)).toBeNull();
  });

  test('never one of another deployment, by hand, resolved, or given up', () => {
    expect(joinedAt(130, { deployment: 'other' })).toBeNull();
    expect(joinedAt(130, {}, incident({ origin: 'manual' }))).toBeNull();
    expect(joinedAt(130, {}, incident({ status: 'resolved' }))).toBeNull();
    expect(joinedAt(130, {}, incident({ evidence: 'released' }))).toBeNull();
    expect(joinedAt(20)).toBeNull();
  });

  test('a window that was cut for its bytes takes alerts in, and no more time', () => {
    const { recorder } = incident();
    const cut = incident({ recorder: { ...recorder, cutNote: 'less is kept' } });
    expect(joinedAt(130, {}, cut)?.seconds).toEqual([40, 160]);
    expect(joinedAt(170, {}, cut)).toBeNull();
  });

  test('event clocks that are behind: it waits until their window is over', () => {
    const alert = firedAlert(130, { id: 'a2' });
    const now = START_MS + 3_000_000;
    const done = joined(incident(), alert, now, CONFIG);
    expect(done?.recorder.finishAtUnixMs).toBe(now + 75_000);
  });
});

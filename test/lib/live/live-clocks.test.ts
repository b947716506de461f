/** Clocks of a live view: what it learns from second to second, and how still it holds. */
import { describe, expect, test } from 'vitest';
import { addNanos, NS_PER_S, nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { LiveClocks } from '#lib/live/live-clocks.ts';
import { LiveWindow } from '#lib/live/live-window.ts';
import type { AlignedEvents } from '#lib/model/align-events.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { FEED_START, slowSteps } from '#test/support/live-feed.ts';

const SKEW = { target: 'node-1', offsetNs: -6_200_000, driftPpm: 41 };
const seconds = (count: number): UnixNanos => addNanos(FEED_START, count * NS_PER_S);

/** A look each second at the last five. */
function looks(tables: readonly EventTable[], upTo: number, clocks = new LiveClocks('demo')) {
  const window = new LiveWindow(new PackedUnpacker());
  for (const table of tables) window.add(table);
  const found: { atNs: number; aligned: AlignedEvents }[] = [];
  for (let second = 6; second <= upTo; second++) {
    const span = { fromUnixNs: seconds(second - 5), toUnixNs: seconds(second) };
    const around = {
      fromUnixNs: seconds(second - 6),
      toUnixNs: seconds(second + 1),
    };
    const middle = unixNanos((span.fromUnixNs + span.toUnixNs) / 2n);
    found.push({
      atNs: nanosBetween(FEED_START, middle),
      aligned: clocks.look(window.tables(around), span),
    });
  }
  return found;
}

describe('a host that runs fast, and is behind', () => {
  const table = slowSteps({ seconds: 70, faults: { clockOffset: [SKEW] } });
  const found = looks([table], 65);
  const clockOf = ({ clock }: AlignedEvents, name: string) =>
    clock!.alignment.domains.find(({ domain }) => domain === name)!;

  test('the true offset lies within the bounds at every look', () => {
    for (const { atNs, aligned } of found) {
      const trueNs = (atNs - SKEW.offsetNs) / (1 + SKEW.driftPpm * 1e-6);
      const { offsetNs, errorNs, lowNs, highNs } = clockOf(aligned, 'node-1');
      expect(Math.abs(offsetNs - (trueNs - atNs))).toBeLessThanOrEqual(errorNs! + 2);
      expect(errorNs!).toBeLessThan(20_000);
      expect(lowNs!).toBeLessThanOrEqual(offsetNs);
      expect(highNs!).toBeGreaterThanOrEqual(offsetNs);
      expect(aligned.clock!.violationsBefore).toBeGreaterThan(50);
      expect(aligned.clock!.violationsAfter).toBe(0);
      expect(aligned.clock!.alignment.referenceDomain).toBe('node-0');
    }
    expect(found.length).toBe(60);
  });

  test('offsets move with the drift and not from look to look', () => {
    const moves = found.slice(1).map(({ aligned, atNs }, i) => {
      const before = found[i]!;
      const driftNs = -SKEW.driftPpm * 1e-6 * (atNs - before.atNs);
      const moved =
        clockOf(aligned, 'node-1').offsetNs - clockOf(before.aligned, 'node-1').offsetNs;
      return Math.abs(moved - driftNs);
    });
    // Drawn anew a few times at the start, then once in ten seconds.
    expect(moves.filter((ns) => ns > 20).length).toBeLessThan(12);
    expect(Math.max(...moves.slice(12))).toBeLessThan(2000);
    const alignments = new Set(found.map(({ aligned }) => clockOf(aligned, 'node-1').correction));
    expect(alignments.size).toBeLessThan(14);
  });

  test('what is closed later is aligned as the last look was', () => {
    const clocks = new LiveClocks('demo');
    looks([table], 20, clocks);
    const span = { fromUnixNs: seconds(10), toUnixNs: seconds(15) };
    const [closed] = clocks.align([table], span);
    const { correction } = clockOf(looks([table], 20).at(-1)!.aligned, 'node-1');
    expect(correction).not.toBeNull();
    expect(closed!.startNs).not.toEqual(table.startNs);
    expect(closed!.workers).toBe(table.workers);
  });
});

test('who asks before any look learns from its own events', () => {
  const table = slowSteps({ seconds: 12, faults: { clockOffset: [SKEW] } });
  const clocks = new LiveClocks('demo');
  const [aligned] = clocks.align([table], { fromUnixNs: seconds(1), toUnixNs: seconds(10) });
  const ffn = table.workers.findIndex(({ role }) => role === 'ffn');
  const row = table.worker.indexOf(ffn);
  expect(aligned!.startNs[row]! - table.startNs[row]!).toBeGreaterThan(6.1e6);
});

test('right clocks: the very tables', () => {
  const table = slowSteps({ seconds: 20 });
  for (const { aligned } of looks([table], 15)) {
    for (const one of aligned.tables) expect(one.workers.length).toBeGreaterThan(0);
    const { domains } = aligned.clock!.alignment;
    expect(domains.map(({ correction }) => correction)).toEqual([null, null]);
  }
});

test('one clock: nothing to know', () => {
  const table = slowSteps({ seconds: 8 });
  const workers = table.workers.map((info) => ({ ...info, clockDomain: 'rack' }));
  for (const { aligned } of looks([{ ...table, workers }], 8)) expect(aligned.clock).toBeNull();
});

test('a clock that is set: a conflict while both times are remembered, then it is aligned again', () => {
  const table = slowSteps({ seconds: 60 });
  const startNs = table.startNs.map((start, row) => {
    const isFfn = table.workers[table.worker[row]!]!.role === 'ffn';
    return isFfn && start >= 20e9 ? start + 9e6 : start;
  });
  const found = looks([{ ...table, startNs }], 55);
  const at = (second: number) => found[second - 6]!.aligned.clock!;
  expect(at(15).alignment.conflicts).toEqual([]);
  expect(at(27).alignment.conflicts.length).toBeGreaterThan(0);
  const last = at(55);
  expect(last.violationsBefore).toBeGreaterThan(50);
  expect(last.violationsAfter).toBe(0);
});

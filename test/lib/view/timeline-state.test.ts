import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CAUSES } from '#lib/view/cause-look.ts';
import { exactInstant, offsetText, timeAxis } from '#lib/view/timeline-axis.ts';
import { boxLabel } from '#lib/view/timeline-labels.ts';
import {
  moveWorker,
  NO_CHOICE,
  rowAtHeight,
  rowsLayout,
  type TimelineWorker,
  visibleRows,
} from '#lib/view/timeline-rows.ts';
import { TIMELINE_OVERLAYS, type TimelineOverlays } from '#lib/view/timeline-selection.ts';
import { parseTimeline, serializeTimeline } from '#lib/view/timeline-url.ts';
import { viewAt } from '#lib/view/timeline-viewport.ts';

const NOW = 1_795_800_300_123_456_789n;
/** Of today, or of a clock that counts from 0, before which a view may begin. */
const instant = fc.oneof(
  fc.bigInt({ min: 10n ** 18n, max: 9n * 10n ** 18n }),
  fc.bigInt({ min: -(10n ** 10n), max: 10n ** 13n }),
);
const name = fc.string({ minLength: 1, maxLength: 12 });
const id = fc
  .string({ minLength: 1, maxLength: 9 })
  .filter((text) => !text.includes('~'))
  .map((text) => `${text}/3`);
const stream = fc.constantFrom('compute', 'transfer', 'wait', 'other');
const count = fc.integer({ min: -1, max: 1e9 });
const length = fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => value + 0);

const selection = fc.oneof(
  fc.constant(null),
  fc
    .record({
      workerId: name,
      stage: name,
      kind: name,
      stream,
      startUnixNs: instant,
      durationNs: length,
      layer: count,
      microbatch: count,
      step: count,
      domain: count,
      peer: count,
      tokens: count,
      bytes: count,
    })
    .map((event) => ({ kind: 'event' as const, event })),
  fc
    .record({
      workerId: name,
      stage: name,
      stream,
      startUnixNs: instant,
      binNs: length,
      count,
      sumNs: length,
      minNs: length,
      maxNs: length,
    })
    .map((bin) => ({ kind: 'bin' as const, bin })),
  fc
    .record({
      workerId: name,
      startUnixNs: instant,
      durationNs: length,
      cause: fc.constantFrom(...CAUSES.map((cause) => cause.name)),
      culpritId: fc.option(name, { nil: null }),
    })
    .map((bubble) => ({ kind: 'bubble' as const, bubble })),
  fc
    .record({ from: instant, workers: fc.option(fc.array(name, { minLength: 1 }), { nil: null }) })
    .filter(({ workers }) => workers?.[0] !== '*')
    .map(({ from, workers }) => ({
      kind: 'area' as const,
      area: { fromUnixNs: from, toUnixNs: from + 5n, workers },
    })),
  fc
    .record({ domain: count, step: count, startUnixNs: instant, durationNs: length })
    .map((step) => ({ kind: 'step' as const, step })),
);

const link = fc.record({
  viewport: fc
    .record({
      from: instant,
      fraction: fc.double({ min: 0, max: 0.9999, noNaN: true }),
      spanNs: fc.double({ min: 16, max: 1e15, noNaN: true }),
    })
    .map(({ from, fraction, spanNs }) => viewAt(from, fraction, spanNs)),
  isTail: fc.constant(false),
  selection,
  filters: fc.record(
    {
      stages: fc.array(fc.constantFrom('attention', 'expert', 'a2f_send'), {
        minLength: 1,
        maxLength: 3,
      }),
      layer: fc.nat(999),
      microbatch: fc.nat(9),
      peer: fc.nat(999),
    },
    { requiredKeys: [] },
  ),
  isDim: fc.boolean(),
  overlays: fc
    .tuple(...TIMELINE_OVERLAYS.map(() => fc.boolean()))
    .map(
      (on) =>
        Object.fromEntries(
          TIMELINE_OVERLAYS.map((overlay, at) => [overlay.name, on[at]!]),
        ) as TimelineOverlays,
    ),
  rows: fc.record({
    foldedGroups: fc.array(id, { maxLength: 3 }),
    toggled: fc.array(id, { maxLength: 3 }),
    isOpen: fc.option(fc.boolean(), { nil: null }),
    pinned: fc.array(id, { maxLength: 3 }),
    order: fc.array(id, { maxLength: 3 }),
    hidden: fc.array(id, { maxLength: 3 }),
  }),
  ruler: fc.option(
    instant.map((from) => ({ fromUnixNs: from, toUnixNs: from + 7n })),
    { nil: null },
  ),
});

describe('timeline URL', () => {
  test('a link restores everything', () => {
    fc.assert(
      fc.property(link, (state) => {
        const text = serializeTimeline(state).toString();
        expect(parseTimeline(new URLSearchParams(text))).toEqual(state);
      }),
    );
  });

  test('the smallest part of a nanosecond is in the link, too', () => {
    fc.assert(
      fc.property(link, fc.integer({ min: 1, max: 3 }), (state, parts) => {
        const viewport = viewAt(12n, parts / 2 ** 20, 16);
        const text = serializeTimeline({ ...state, isTail: false, viewport }).toString();
        expect(parseTimeline(new URLSearchParams(text)).viewport).toEqual(viewport);
      }),
      { numRuns: 20 },
    );
  });

  test('any text opens a timeline', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('at', 'span', 'sel', 'over', 'ruler', 'flayer', 'pin'),
          fc.string(),
        ),
        (parts) => {
          expect(() => parseTimeline(new URLSearchParams(parts))).not.toThrow();
        },
      ),
    );
  });

  test('nothing is chosen at times that no event can have', () => {
    const selectionOf = (sel: string) => parseTimeline(new URLSearchParams({ sel })).selection;
    expect(selectionOf('area~5~9223372036854775807~*')).not.toBeNull();
    expect(selectionOf('area~5~9223372036854775808~*')).toBeNull();
    expect(selectionOf('area~-9999999999999999999~5~*')).toBeNull();
  });

  test('a tail keeps its length, not its place', () => {
    const viewport = viewAt(NOW, 0, 5e8);
    const rest = parseTimeline(new URLSearchParams());
    const text = serializeTimeline({ ...rest, viewport, isTail: true }).toString();
    expect(text).toBe('tail=1&span=500000000');
    expect(parseTimeline(new URLSearchParams(text)).viewport?.spanNs).toBe(5e8);
  });
});

function workersOf(attention: number, ffn: number): readonly TimelineWorker[] {
  const of = (role: string, ranks: number) =>
    Array.from({ length: ranks }, (_, rank) => ({
      workerId: `${role}/${rank}`,
      group: role,
      role,
      rank,
      host: '',
    }));
  return [...of('ffn', ffn), ...of('attention', attention)];
}

describe('timeline rows', () => {
  test('rows lie one below the other without gaps, lanes inside of their row', () => {
    for (const workers of [workersOf(3, 2), workersOf(240, 80)]) {
      const layout = rowsLayout(workers, NO_CHOICE);
      let top = 0;
      for (const row of layout.rows) {
        expect(row.topPx).toBe(top);
        top += row.heightPx;
        if (row.kind !== 'worker') continue;
        for (const lane of row.lanes) {
          expect(lane.topPx).toBeGreaterThanOrEqual(row.topPx);
          expect(lane.topPx + lane.heightPx).toBeLessThanOrEqual(row.topPx + row.heightPx);
          expect(lane.heightPx).toBeGreaterThanOrEqual(4);
        }
      }
      expect(layout.heightPx).toBe(top);
      expect(layout.byWorker.size).toBe(workers.length);
    }
  });

  test('only rows in the window are drawn, and a height finds its row', () => {
    const layout = rowsLayout(workersOf(240, 80), NO_CHOICE);
    const seen = visibleRows(layout, 1000, 600);
    expect(seen.length).toBeLessThan(45);
    expect(seen[0]!.topPx).toBeLessThanOrEqual(1000);
    expect(seen.at(-1)!.topPx + seen.at(-1)!.heightPx).toBeGreaterThanOrEqual(1600);
    for (const row of layout.rows) expect(rowAtHeight(layout, row.topPx + 0.5)).toBe(row);
    expect(rowAtHeight(layout, layout.heightPx + 1)).toBeNull();
    expect(rowAtHeight(layout, -1)).toBeNull();
  });

  test('pinned rows come first, hidden ones not at all, folded groups keep their head', () => {
    const workers = workersOf(3, 2);
    const layout = rowsLayout(workers, {
      ...NO_CHOICE,
      pinned: ['ffn/1'],
      hidden: ['attention/2'],
      foldedGroups: ['ffn'],
    });
    expect(
      layout.rows.map((row) => (row.kind === 'group' ? row.group : row.worker.workerId)),
    ).toEqual(['ffn/1', 'attention', 'attention/0', 'attention/1', 'ffn']);
  });

  test('a worker moves among those of its group, and back', () => {
    const workers = workersOf(3, 2);
    const down = moveWorker(workers, NO_CHOICE, 'attention/0', 1);
    const order = (choice: typeof NO_CHOICE) => [...rowsLayout(workers, choice).byWorker.keys()];
    expect(order(down)).toEqual(['attention/1', 'attention/0', 'attention/2', 'ffn/0', 'ffn/1']);
    expect(order(moveWorker(workers, down, 'attention/0', -1))).toEqual(order(NO_CHOICE));
    expect(order(moveWorker(workers, NO_CHOICE, 'ffn/0', -1))).toEqual(order(NO_CHOICE));
  });
});

describe('timeline axis and labels', () => {
  test('ticks are round, in the view, and far enough apart at every zoom', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 4, max: 53, noNaN: true }),
        fc.integer({ min: -720, max: 840 }),
        (power, zone) => {
          const view = viewAt(NOW, 0, Math.max(16, 2 ** power));
          const { ticks } = timeAxis(view, 1200, zone);
          const major = ticks.filter(({ isMinor }) => !isMinor);
          for (const [at, tick] of major.entries()) {
            expect(tick.xPx).toBeGreaterThan(-1);
            expect(tick.xPx).toBeLessThan(1202);
            expect(tick.label).not.toBe('');
            if (at > 0) expect(tick.xPx - major[at - 1]!.xPx).toBeGreaterThan(80);
          }
          expect(ticks.length).toBeLessThan(120);
        },
      ),
    );
  });

  test('ticks have the digits that tell them apart', () => {
    expect(offsetText(1_500_000, 500_000)).toBe('1.5 ms');
    expect(offsetText(20_000_000, 20_000_000)).toBe('20 ms');
    expect(offsetText(17, 1)).toBe('17 ns');
    expect(offsetText(2_200, 200)).toBe('2.2 µs');
  });

  test('instants keep all nine digits in any zone', () => {
    expect(exactInstant(NOW, 0)).toBe('2026-11-27 17:25:00.123456789');
    expect(exactInstant(NOW, 330)).toBe('2026-11-27 22:55:00.123456789');
    expect(exactInstant(7n, 0)).toBe('1970-01-01 00:00:00.000000007');
    expect(exactInstant(-1n, 0)).toBe('1969-12-31 23:59:59.999999999');
    expect(exactInstant(-1_500_000_000n, 60)).toBe('1970-01-01 00:59:58.500000000');
  });

  test('a label never is longer than its box', () => {
    expect(boxLabel('expert', 12, 1, 200)).toBe('expert L12 · 1');
    expect(boxLabel('expert', 12, 1, 64)).toBe('L12 · 1');
    expect(boxLabel('expert', 12, 1, 16)).toBe('1');
    expect(boxLabel('expert', 12, 1, 9)).toBe('');
    expect(boxLabel('sample', -1, -1, 60)).toBe('sample');
  });
});

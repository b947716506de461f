/** What must hold of evaluation whatever comes, and in whatever order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ActiveAlert, AlertBook } from '#lib/alert/alert-state.ts';
import { evaluateRules } from '#lib/alert/evaluate.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { longestNeedMs, needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { look, rule, START_MS, sample } from '#test/support/alert-samples.ts';
import { rounds } from '#test/support/tier.ts';

const RULES: readonly AlertRule[] = [
  rule({ name: 'plain', for: '4s', window: '3s', recover: 0.2 }),
  rule({ name: 'kept', keep_firing_for: '5s', aggregate: 'max', explains: ['plain'] }),
  rule({ name: 'windows', window: '2s', of_windows: { hits: 2, of: 3 }, by: [] }),
  rule({ name: 'low', compare: '<', threshold: 0.1, no_data: 'resolve' }),
  rule({
    name: 'hang',
    metric: 'hang_seconds',
    threshold: 0,
    for: '2s',
    explains: ['plain', 'windows'],
  }),
  rule({
    name: 'change',
    threshold: undefined,
    window: '2s',
    baseline: { over: '4m', warm_up: '2m', at_least: 0.1 },
  }),
];

const value = fc.integer({ min: 0, max: 20 }).map((n) => n / 20);

/** A look a second; of its samples some are of earlier seconds (late), some correct earlier ones. */
const sets = fc
  .array(
    fc.record({
      ffn: fc.option(value, { nil: null }),
      attention: fc.option(value, { nil: null }),
      hang: fc.option(value, { nil: null }),
      late: fc.option(fc.record({ by: fc.integer({ min: 1, max: 20 }), value }), { nil: null }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((seconds) =>
    seconds.map(({ ffn, attention, hang, late }, second): SampleSet => {
      const group = { labels: { group: 'attention' } };
      const worker = { metric: 'hang_seconds', labels: { worker: 'ffn/0' } };
      return look(second, [
        ...(ffn === null ? [] : [sample(second, ffn, { weight: 1 + second })]),
        ...(attention === null ? [] : [sample(second, attention, group)]),
        ...(hang === null ? [] : [sample(second, hang, worker)]),
        ...(late === null ? [] : [sample(second - late.by, late.value)]),
      ]);
    }),
  );

/** Minutes of what is usual, so that change detection has a past. */
const PAST: readonly SampleSet[] = Array.from({ length: 36 }, (_, i) =>
  look(-180 + 5 * i, [sample(-180 + 5 * i, 0.15 + (i % 3) / 100)]),
);

function historyOf(all: readonly SampleSet[]): SampleHistory {
  const history = new SampleHistory(needsOf(RULES));
  for (const set of all) history.add(set);
  return history;
}

function evaluateAt(book: AlertBook, history: SampleHistory, second: number) {
  return evaluateRules({ rules: RULES, book, history, nowUnixMs: START_MS + second * 1000 });
}

const listed = (book: AlertBook): ActiveAlert[] =>
  [...book.values()].sort((a, b) => (a.id < b.id ? -1 : 1));

it('the order in which looks arrive does not matter', () => {
  const shuffled = sets.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, ([inOrder, mixed]) => {
      const second = inOrder.length;
      const a = evaluateAt(new Map(), historyOf([...PAST, ...inOrder]), second);
      const b = evaluateAt(new Map(), historyOf([...PAST, ...mixed]), second);
      expect(listed(b.book)).toEqual(listed(a.book));
      expect(b.changes).toEqual(a.changes);
    }),
    { numRuns: rounds(200, 5000) },
  );
});

it('a restart changes nothing: book and samples as they were written', () => {
  fc.assert(
    fc.property(sets, fc.nat(), (all, n) => {
      const restartAt = n % (all.length + 1);
      let whole: AlertBook = new Map();
      let parted: AlertBook = new Map();
      const history = historyOf(PAST);
      let other = historyOf(PAST);
      all.forEach((set, second) => {
        if (second === restartAt) {
          const kept = [...PAST, ...all.slice(0, second)].filter(
            ({ atUnixMs }) => atUnixMs >= START_MS + second * 1000 - longestNeedMs(needsOf(RULES)),
          );
          other = historyOf(JSON.parse(JSON.stringify(kept)) as SampleSet[]);
          parted = new Map(JSON.parse(JSON.stringify([...parted])) as [string, ActiveAlert][]);
        }
        history.add(set);
        other.add(set);
        const a = evaluateAt(whole, history, second);
        const b = evaluateAt(parted, other, second);
        expect(b.changes).toEqual(a.changes);
        whole = a.book;
        parted = b.book;
      });
      expect(listed(parted)).toEqual(listed(whole));
    }),
    { numRuns: rounds(100, 2000) },
  );
});

it('nothing changes while nothing comes, as long as no data is missed', () => {
  fc.assert(
    fc.property(sets, fc.integer({ min: 1, max: 20 }), (all, laterS) => {
      const history = historyOf(all);
      const first = evaluateAt(new Map(), history, all.length);
      const again = evaluateAt(first.book, history, all.length);
      expect(again.changes).toEqual([]);
      const later = evaluateAt(first.book, history, all.length + laterS);
      // Only what is explained may be let go once its cause is long over.
      expect(later.changes.filter(({ change }) => change !== 'released')).toEqual([]);
    }),
    { numRuns: rounds(200, 5000) },
  );
});

it('within its band a rule neither fires nor recovers', () => {
  const banded = rule({ recover: 0.2 });
  const inBand = fc.double({ min: 0.2001, max: 0.3, noNaN: true });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(inBand, { minLength: 1, maxLength: 100 }),
      (starts, values) => {
        const history = new SampleHistory(needsOf([banded]));
        let book: AlertBook = new Map();
        const changes: string[] = [];
        [starts ? 0.5 : 0.1, ...values].forEach((one, second) => {
          history.add(look(second, [sample(second, one)]));
          const nowUnixMs = START_MS + second * 1000;
          const next = evaluateRules({ rules: [banded], book, history, nowUnixMs });
          book = next.book;
          changes.push(...next.changes.map(({ change }) => change));
        });
        expect(changes).toEqual(starts ? ['firing'] : []);
      },
    ),
    { numRuns: rounds(200, 5000) },
  );
});

it('evaluation leaves the book that it was given as it was', () => {
  fc.assert(
    fc.property(sets, (all) => {
      const history = historyOf(all);
      const { book } = evaluateAt(new Map(), history, all.length);
      const before = JSON.stringify([...book]);
      evaluateAt(book, history, all.length + 1000);
      expect(JSON.stringify([...book])).toBe(before);
    }),
    { numRuns: rounds(50, 1000) },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertBook } from '#lib/alert/alert-state.ts';
import { evaluateRules } from '#lib/alert/evaluate.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { look, looks, rule, START_MS, sample } from '#test/support/alert-samples.ts';
import { rounds } from '#test/support/tier.ts';

/** Evaluates after each look; what changed, as `second change rule`. */
function play(
  rules: readonly AlertRule[],
  sets: readonly SampleSet[],
  book: AlertBook = new Map(),
): { readonly changes: string[]; readonly book: AlertBook } {
  const history = new SampleHistory(needsOf(rules));
  const changes: string[] = [];
  let current = book;
  for (const set of sets) {
    history.add(set);
    const next = evaluateRules({ rules, book: current, history, nowUnixMs: set.atUnixMs });
    current = next.book;
    for (const { alert, change, atUnixMs } of next.changes) {
      changes.push(`${(atUnixMs - START_MS) / 1000} ${change} ${alert.rule}`);
    }
  }
  return { changes, book: current };
}

const one = (book: AlertBook) => [...book.values()][0]!;

describe('pending and firing', () => {
  it('fires once the condition was true for `for`, and ends when it is not', () => {
    const { changes } = play([rule({ for: '3s' })], looks([0.1, 0.4, 0.4, 0.4, 0.4, 0.1]));
    expect(changes).toEqual(['1 pending r', '4 firing r', '5 resolved r']);
  });

  it('without `for` it fires at once', () => {
    const { changes, book } = play([rule({})], looks([0.1, 0.4]));
    expect(changes).toEqual(['1 firing r']);
    expect(one(book)).toMatchObject({
      rule: 'r',
      state: 'firing',
      deployment: 'd',
      value: 0.4,
      bound: 0.3,
      unit: 'ratio',
      labels: { deployment: 'd', group: 'ffn', alertname: 'r', severity: 'warning' },
      startsAtUnixMs: START_MS + 1000,
      firedAtUnixMs: START_MS + 1000,
    });
  });

  it('is dropped where it was true for less', () => {
    const { changes, book } = play([rule({ for: '3s' })], looks([0.4, 0.4, 0.1]));
    expect(changes).toEqual(['0 pending r', '2 dropped r']);
    expect(book.size).toBe(0);
  });

  it('counts a late sample as if it had come in time', () => {
    const sets = [...looks([0.4, 0.4, 0.4]), look(3, [sample(3, 0.4), sample(1, 0.1)])];
    const { changes, book } = play([rule({ for: '3s' })], sets);
    expect(changes).toEqual(['0 pending r']);
    expect(one(book).startsAtUnixMs).toBe(START_MS + 2000);
  });

  it('does not take a pause without samples for a condition that was true', () => {
    const rules = [rule({ for: '60s' })];
    const sets = [look(0, [sample(0, 0.4)]), look(70, [sample(70, 0.4)])];
    expect(play(rules, sets).changes).toEqual(['0 pending r']);
  });

  it.each([
    ['<', 0.5, 0.2],
    ['<=', 0.5, 0.3],
    ['>=', 0.1, 0.3],
    ['>', 0.1, 0.31],
  ] as const)('compares with %s', (compare, healthy, sick) => {
    const { changes } = play([rule({ compare })], looks([healthy, sick, healthy]));
    expect(changes).toEqual(['1 firing r', '2 resolved r']);
  });

  it('each series has its own alert, told apart by `by`', () => {
    const both = looks([0.5]).map((set) => ({
      ...set,
      samples: [sample(0, 0.5), sample(0, 0.6, { labels: { group: 'attention' } })],
    }));
    expect([...play([rule({})], both).book.values()].map(({ value }) => value)).toEqual([0.5, 0.6]);
    const merged = [...play([rule({ by: [] })], both).book.values()];
    expect(merged.map(({ value, labels }) => [value, labels.group])).toEqual([[0.6, undefined]]);
  });

  it('names the worst series and its facts in annotations', () => {
    const worst = sample(0, 0.6, { labels: { group: 'attention' }, facts: { why: 'cold' } });
    const annotations = {
      summary: '{{ labels.group }} at {{ value }} > {{ threshold }}: {{ labels.why }}',
    };
    const { book } = play([rule({ by: [], annotations })], [look(0, [sample(0, 0.5), worst])]);
    expect(one(book).annotations.summary).toBe('attention at 60.0 % > 30.0 %: cold');
  });
});

describe('windows', () => {
  it('a mean is a ratio of sums', () => {
    const set = look(1, [sample(0, 1, { weight: 1 }), sample(1, 0.1, { weight: 9 })]);
    const { book } = play([rule({ window: '2s', threshold: 0 })], [set]);
    expect(one(book).value).toBeCloseTo(0.19, 12);
  });

  it.each([
    ['max', 0.9],
    ['min', 0.1],
    ['last', 0.5],
  ] as const)('%s of the window', (aggregate, value) => {
    const { book } = play(
      [rule({ window: '3s', aggregate, threshold: 0 })],
      looks([5, 0.9, 0.1, 0.5]),
    );
    expect(one(book).value).toBe(value);
  });

  it('fires by N of M windows, and not by fewer', () => {
    const of_windows = { hits: 3, of: 5 };
    const quiet = play([rule({ of_windows })], looks([0.4, 0.1, 0.4, 0.1, 0.1, 0.4]));
    expect(quiet.changes).toEqual([]);
    const loud = play([rule({ of_windows })], looks([0.4, 0.1, 0.4, 0.1, 0.4, 0.1, 0.1]));
    expect(loud.changes).toEqual(['4 firing r', '5 resolved r']);
  });
});

describe('recovery', () => {
  it('lasts until the value is back over the recovery threshold', () => {
    const { changes } = play([rule({ recover: 0.2 })], looks([0.4, 0.25, 0.29, 0.21, 0.2]));
    expect(changes).toEqual(['0 firing r', '4 resolved r']);
  });

  it('does not fire within the band', () => {
    expect(play([rule({ recover: 0.2 })], looks([0.25, 0.29])).changes).toEqual([]);
  });

  it('fires on for `keep_firing_for`', () => {
    const { changes } = play([rule({ keep_firing_for: '3s' })], looks([0.4, 0.1, 0.1, 0.1]));
    expect(changes).toEqual(['0 firing r', '3 resolved r']);
    const again = play([rule({ keep_firing_for: '3s' })], looks([0.4, 0.1, 0.4, 0.1, 0.1, 0.1]));
    expect(again.changes).toEqual(['0 firing r', '5 resolved r']);
  });

  it('a rule that is gone or off ends its alerts', () => {
    const { book } = play([rule({})], looks([0.4]));
    expect(play([], looks([0.4]), book).changes).toEqual(['0 resolved r']);
    expect(play([rule({ enabled: false })], looks([0.4]), book).changes).toEqual(['0 resolved r']);
  });
});

describe('without data', () => {
  const quiet = (rules: readonly AlertRule[], value: number) => {
    const history = new SampleHistory(needsOf(rules));
    history.add(look(0, [sample(0, value)]));
    const at = (second: number, book: AlertBook) =>
      evaluateRules({ rules, book, history, nowUnixMs: START_MS + second * 1000 });
    const first = at(0, new Map());
    return { first, later: (second: number) => at(second, first.book) };
  };

  it('keeps what is, resolves it, or makes it true', () => {
    const kept = quiet([rule({ no_data: 'keep' })], 0.4).later(600);
    expect(kept.changes).toEqual([]);
    const resolved = quiet([rule({ no_data: 'resolve' })], 0.4).later(600);
    expect(resolved.changes.map(({ change }) => change)).toEqual(['resolved']);
    const alerted = quiet([rule({ no_data: 'alert' })], 0.1).later(600);
    expect(alerted.changes.map(({ change }) => change)).toEqual(['firing']);
    expect(one(alerted.book)).toMatchObject({ noData: true, value: null });
  });

  it('a while without news is not yet missing data', () => {
    const { later } = quiet([rule({ no_data: 'alert' })], 0.1);
    expect(later(30).changes).toEqual([]);
    expect(later(31).changes).toHaveLength(1);
  });

  it('what was sent while nobody looked is not missed', () => {
    const rules = [rule({ no_data: 'resolve' })];
    const history = new SampleHistory(needsOf(rules));
    history.add(look(0, [sample(0, 0.4)]));
    const { book } = evaluateRules({ rules, book: new Map(), history, nowUnixMs: START_MS });
    const nowUnixMs = START_MS + 600_000;
    const back = { rules, book, history, nowUnixMs, watchingSinceUnixMs: nowUnixMs - 5000 };
    expect(evaluateRules(back).changes).toEqual([]);
  });

  it('what ended without data does not begin again by samples from before a restart', () => {
    const rules = [rule({ no_data: 'resolve' })];
    const history = new SampleHistory(needsOf(rules));
    history.add(look(0, [sample(0, 0.4)]));
    const at = (second: number, book: AlertBook, watchingFromS: number) =>
      evaluateRules({
        rules,
        book,
        history,
        nowUnixMs: START_MS + second * 1000,
        watchingSinceUnixMs: START_MS + watchingFromS * 1000,
      });
    const fired = at(0, new Map(), 0);
    const over = at(600, fired.book, 0);
    expect(over.changes.map(({ change }) => change)).toEqual(['resolved']);
    // Down for two hours, with the samples of before in its memory again.
    const back = at(7800, over.book, 7795);
    expect(back.changes).toEqual([]);
    history.add(look(7801, [sample(7801, 0.4)]));
    expect(at(7801, back.book, 7795).changes.map(({ change }) => change)).toEqual(['firing']);
  });

  it('what fired goes on after a downtime that is longer than samples are remembered', () => {
    const rules = [rule({ no_data: 'resolve' })];
    const { book } = play(rules, looks([0.4]));
    const history = new SampleHistory(needsOf(rules));
    const at = (second: number, known: AlertBook) =>
      evaluateRules({
        rules,
        book: known,
        history,
        nowUnixMs: START_MS + second * 1000,
        watchingSinceUnixMs: START_MS + 90_000_000,
      });
    const back = at(90_005, book);
    expect(back.changes).toEqual([]);
    history.add(look(90_006, [sample(90_006, 0.4)]));
    const later = at(90_006, back.book);
    expect(later.changes).toEqual([]);
    expect(one(later.book)).toMatchObject({ state: 'firing', startsAtUnixMs: START_MS });
    // Where nothing comes it is over as always.
    expect(at(90_038, later.book).changes.map(({ change }) => change)).toEqual(['resolved']);
  });

  it('a label of the rule that others call series by does not end the alert', () => {
    const mine = rule({ labels: { worker: 'mine' }, no_data: 'keep' });
    const { book } = play([mine], looks([0.4]));
    const history = new SampleHistory(needsOf([mine]));
    const nowUnixMs = START_MS + 3_600_000;
    const { changes } = evaluateRules({ rules: [mine], book, history, nowUnixMs });
    expect(changes).toEqual([]);
    expect(one(book).labels).toMatchObject({ worker: 'mine', group: 'ffn' });
  });

  it('looks without a sample of a metric that is there only while something is wrong are zeros', () => {
    const rules = [rule({ metric: 'hang_seconds', threshold: 0 })];
    const hang = { metric: 'hang_seconds', labels: { worker: 'ffn/1' } };
    const sets = [look(0, []), look(1, [sample(1, 3, hang)]), look(2, [])];
    expect(play(rules, sets).changes).toEqual(['1 firing r', '2 resolved r']);
    // The samples of before a restart may be gone.
    const { book } = play(rules, sets.slice(0, 2));
    expect(play(rules, [look(900, [])], book).changes).toEqual(['900 resolved r']);
  });
});

describe('explanations', () => {
  const cause = rule({ name: 'cause', metric: 'hang_seconds', threshold: 0, explains: ['effect'] });
  const effect = rule({ name: 'effect' });
  const hang = (second: number) =>
    sample(second, 5, { metric: 'hang_seconds', labels: { worker: 'ffn/1' } });

  it('a consequence is marked while its cause fires, and told when it outlives it', () => {
    const sets = [
      look(0, [sample(0, 0.4)]),
      look(1, [sample(1, 0.4), hang(1)]),
      ...[2, 60, 61, 62, 63].map((s) => look(s, [sample(s, 0.4)])),
    ];
    const { changes, book } = play([effect, cause], sets);
    expect(changes).toEqual([
      '0 firing effect',
      '1 firing cause',
      '1 inhibited effect',
      '2 resolved cause',
      '63 released effect',
    ]);
    expect(one(book).inhibitedBy).toBeNull();
  });

  it('says which alert explains it, at the root', () => {
    const root = rule({ name: 'root', metric: 'busy_ratio', compare: '<', explains: ['cause'] });
    const set = look(0, [sample(0, 0.4), hang(0), sample(0, 0.1, { metric: 'busy_ratio' })]);
    const { book } = play([effect, cause, root], [set]);
    const byRule = new Map([...book.values()].map((alert) => [alert.rule, alert]));
    expect(byRule.get('effect')!.inhibitedBy).toBe(byRule.get('root')!.id);
    expect(byRule.get('cause')!.inhibitedBy).toBe(byRule.get('root')!.id);
    expect(byRule.get('root')!.inhibitedBy).toBeNull();
  });

  it('is of one deployment', () => {
    const elsewhere = look(0, [{ ...hang(0), labels: { deployment: 'e', worker: 'ffn/1' } }], 'e');
    const { changes } = play([effect, cause], [look(0, [sample(0, 0.4)]), elsewhere]);
    expect(changes).toEqual(['0 firing effect', '0 firing cause']);
  });
});

describe('change detection', () => {
  const baseline = { over: '30m', warm_up: '5m' };
  const steady = (minutes: number, noise = 0.01) =>
    Array.from({ length: minutes * 60 }, (_, i) => 0.1 + (i % 2 === 0 ? noise : -noise));
  const change = rule({
    threshold: undefined,
    baseline: { ...baseline, at_least: 0.05 },
    window: '5s',
  });

  it('fires where a series leaves its own past, and ends where it comes back', () => {
    const values = [...steady(10), ...Array(60).fill(0.3), ...steady(1)];
    const { changes } = play([change], looks(values));
    expect(changes).toEqual(['601 firing r', '664 resolved r']);
  });

  it('says nothing before it knows the past, nor about what is usual', () => {
    expect(play([change], looks([...steady(4), ...Array(30).fill(0.9)])).changes).toEqual([]);
    expect(play([change], looks(steady(20, 0.03))).changes).toEqual([]);
  });

  it('a change that stays is news until it is older than the past', () => {
    const values = [...steady(10), ...Array(45 * 60).fill(0.3)];
    const { changes } = play([change], looks(values));
    expect(changes[0]).toBe('601 firing r');
    expect(changes).toHaveLength(2);
    const [second, what] = changes[1]!.split(' ');
    expect(what).toBe('resolved');
    expect(Number(second)).toBeGreaterThan(30 * 60);
  });
});

describe('a rule that is not there', () => {
  const begun = play([rule({})], looks([0.1, 0.4])).book;
  const history = new SampleHistory(needsOf([]));
  const evaluatedWith = (isUnread: boolean) =>
    evaluateRules({
      rules: [],
      book: begun,
      history,
      nowUnixMs: START_MS + 10_000,
      isUnread: () => isUnread,
    });

  it('ends its alerts', () => {
    expect(one(evaluatedWith(false).book).state).toBe('resolved');
  });

  it('leaves them as they are where it could not be read', () => {
    expect(evaluatedWith(true).changes).toEqual([]);
    expect(one(evaluatedWith(true).book).state).toBe('firing');
  });
});

describe('rules that explain each other', () => {
  const names = ['a', 'b', 'c', 'd'];
  const explains = fc.array(fc.subarray(names), { minLength: 4, maxLength: 4 });
  const values = fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), {
    minLength: 1,
    maxLength: 20,
  });

  it('whatever is stored: somebody is told of what fires, by it or by its cause', () => {
    fc.assert(
      fc.property(explains, values, (graph, seconds) => {
        // As stored ones may be: nothing refuses circles here.
        const rules = names.map((name, i) =>
          rule({ name, explains: graph[i]!, where: { group: name } }),
        );
        const sets = seconds.map((row, second) =>
          look(
            second,
            row.map((isBad, i) =>
              sample(second, isBad ? 0.4 : 0.1, { labels: { group: names[i]! } }),
            ),
          ),
        );
        const { book } = play(rules, sets);
        for (const alert of book.values()) {
          if (alert.state !== 'firing' || alert.inhibitedBy === null) continue;
          const cause = book.get(alert.inhibitedBy);
          expect(cause).toBeDefined();
          expect(cause!.inhibitedBy).toBeNull();
        }
      }),
      { numRuns: rounds(300, 10_000) },
    );
  });
});

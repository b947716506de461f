import { describe, expect, it } from 'vitest';
import { previewRule } from '#lib/alert/preview.ts';
import { look, looks, rule, START_MS, sample } from '#test/support/alert-samples.ts';

const at = (second: number) => START_MS + second * 1000;
const span = { fromUnixMs: at(0), toUnixMs: at(1000) };

describe('previewRule', () => {
  it('says when the rule would have been pending and firing', () => {
    const sets = looks([0.1, 0.4, 0.4, 0.4, 0.1, 0.1]);
    const preview = previewRule(rule({ for: '2s' }), sets, span);
    expect(preview.missing).toBeNull();
    expect(preview.series).toHaveLength(1);
    expect(preview.series[0]).toMatchObject({
      deployment: 'd',
      labels: { deployment: 'd', group: 'ffn' },
      value: [0.1, 0.4, 0.4, 0.4, 0.1, 0.1],
      bound: Array(6).fill(0.3),
      spans: [
        { state: 'pending', fromUnixMs: at(1), toUnixMs: at(3) },
        { state: 'firing', fromUnixMs: at(3), toUnixMs: at(4) },
      ],
    });
  });

  it('a span that lasts is open', () => {
    const preview = previewRule(rule({}), looks([0.1, 0.4]), span);
    expect(preview.series[0]!.spans).toEqual([
      { state: 'firing', fromUnixMs: at(1), toUnixMs: null },
    ]);
  });

  it('looks at samples of before its time, and tells nothing of them', () => {
    const sets = looks([0.4, 0.4, 0.4, 0.4, 0.4]);
    const preview = previewRule(rule({ for: '2s' }), sets, { ...span, fromUnixMs: at(4) });
    expect(preview.series[0]!.atUnixMs).toEqual([at(4)]);
    expect(preview.series[0]!.spans).toEqual([
      { state: 'firing', fromUnixMs: at(4), toUnixMs: null },
    ]);
  });

  it('tries a rule that is off, and leaves the rule as it is', () => {
    const off = rule({ enabled: false });
    expect(previewRule(off, looks([0.4]), span).series[0]!.spans).toHaveLength(1);
    expect(off.enabled).toBe(false);
  });

  it('lists those that would have fired first, and counts the rest', () => {
    const groups = ['a', 'b', 'c', 'd'].map((group, i) =>
      sample(0, i === 2 ? 0.4 : 0.1, { labels: { group } }),
    );
    const preview = previewRule(rule({}), [look(0, groups)], { ...span, maxSeries: 2 });
    expect(preview.series.map(({ labels }) => labels.group)).toEqual(['c', 'a']);
    expect(preview.hiddenSeries).toBe(2);
  });

  it('draws few points, and among them the worst', () => {
    const values = Array.from({ length: 900 }, (_, i) => (i === 451 ? 0.4 : 0.1));
    const preview = previewRule(rule({}), looks(values), { ...span, maxPoints: 30 });
    const [series] = preview.series;
    expect(series!.value.length).toBeLessThanOrEqual(30);
    expect(Math.max(...series!.value.map(Number))).toBe(0.4);
    expect(series!.spans).toHaveLength(2 - 1);
  });

  it.each([
    [[], 'no samples are kept of this time'],
    [[look(1, [])], 'no samples of bubble_ratio are kept of this time'],
    [[look(1, [sample(1, 1)])], 'no series of bubble_ratio has these labels'],
  ])('says why there is nothing to see', (sets, missing) => {
    const preview = previewRule(rule({ where: { group: 'nobody' } }), sets, span);
    expect(preview).toMatchObject({ missing, series: [], hiddenSeries: 0 });
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALERT_TABS, HISTORY_FILTERS, PREVIEW_HOURS } from '#lib/view/alert-choice.ts';
import { CAUSES } from '#lib/view/cause-look.ts';
import { EXPERT_METRICS } from '#lib/view/expert-map.ts';
import { HEAT_METRICS } from '#lib/view/heat-model.ts';
import { PRESETS } from '#lib/view/time-range.ts';
import {
  DEFAULT_PAGE_STATE,
  type PageState,
  parsePageState,
  serializePageState,
} from '#lib/view/url-state.ts';

const parse = (search: string) => parsePageState(new URLSearchParams(search));

test('defaults need no words, and no words give the defaults', () => {
  expect(serializePageState(DEFAULT_PAGE_STATE)).toBe('');
  expect(parse('')).toEqual(DEFAULT_PAGE_STATE);
});

test('any state comes back from its URL', () => {
  const range = fc.oneof(
    fc.constant<PageState['range']>({ kind: 'live' }),
    fc.constantFrom(...PRESETS).map(({ name }) => ({ kind: 'last', preset: name }) as const),
    fc
      .tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 1, max: 1e9 }))
      .map(([fromMs, spanMs]) => ({ kind: 'absolute', fromMs, toMs: fromMs + spanMs }) as const),
  );
  const time = fc.option(
    fc.constantFrom('-5m', '2026-11-27T14:00:00+08:00', '1795442400000000000'),
  );
  const side = fc.record({
    deployment: fc.option(fc.string({ minLength: 1, unit: 'grapheme' })),
    from: time,
    to: time,
  });
  const state = fc.record<PageState>({
    deployment: fc.option(fc.string({ minLength: 1, unit: 'grapheme' })),
    range,
    heat: fc.constantFrom(...HEAT_METRICS),
    layer: fc.option(fc.integer({ min: 0, max: 999_999 })),
    sort: fc.constantFrom(null, 'layer', '-ffnNs'),
    set: fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 4 }),
    worker: fc.option(fc.string({ minLength: 1, unit: 'grapheme' })),
    cause: fc.option(fc.constantFrom(...CAUSES.map(({ name }) => name))),
    stack: fc.constantFrom('stages', 'causes'),
    experts: fc.constantFrom(...EXPERT_METRICS),
    compare: fc.record({ a: side, b: side, onlyDiffering: fc.boolean() }),
    alerts: fc.record({
      tab: fc.constantFrom(...ALERT_TABS),
      isOneDeployment: fc.boolean(),
      rule: fc.option(fc.string({ minLength: 1, unit: 'grapheme' })),
      alert: fc.option(fc.string({ minLength: 1, unit: 'grapheme' })),
      history: fc.constantFrom(...HISTORY_FILTERS),
      previewHours: fc.constantFrom(...PREVIEW_HOURS),
      isYaml: fc.boolean(),
      allIncidents: fc.boolean(),
    }),
  });
  fc.assert(
    fc.property(state, (value) => {
      expect(parse(serializePageState(value))).toEqual(value);
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('nonsense falls back to the defaults', () => {
  for (const search of [
    'range=70d&heat=constructor&layer=-1',
    'from=x&to=y',
    'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
    'layer=1e9&d=',
    'a=&a.from=&b.to=&differs=yes',
    'tab=toString&scope=two&rule=&alert=&history=no&hours=5&as=json&incidents=1',
  ]) {
    expect(parse(search)).toEqual(DEFAULT_PAGE_STATE);
  }
});

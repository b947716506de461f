import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import {
  AREA_COLUMNS,
  areaCsv,
  areaValue,
  DEFAULT_AREA_SORT,
  exactnessText,
  histogramBars,
  histogramTicks,
  nextAreaSort,
  sortedAreaRows,
} from '#lib/view/timeline-area.ts';
import {
  filterChips,
  orderedStages,
  parseFilterNumber,
  stageKeys,
  withNumber,
  withoutChip,
  withStageAlone,
  withStageToggled,
} from '#lib/view/timeline-filter-view.ts';
import { areaExportHref, compareBeforeHref } from '#lib/view/timeline-links.ts';
import { draftOf, newNote, noteRequest, noteRows } from '#lib/view/timeline-notes-view.ts';
import {
  hitSelection,
  type SearchHit,
  searchSummary,
  walkHit,
} from '#lib/view/timeline-search-view.ts';
import type { TimelineFilters } from '#lib/view/timeline-selection.ts';
import {
  parseTargetMs,
  stepName,
  steppedTargetMs,
  stepRows,
  stepsSummary,
} from '#lib/view/timeline-steps-view.ts';

const BASE = 1_700_000_000_000_000_000n;

describe('area', () => {
  const row = (stage: string, sumNs: number, p99: number) => ({
    ...{ group: 'ffn', stage, kind: 'compute', count: 4, sumNs, share: 0.5 },
    durationNs: { min: 1, p50: 2, p90: 3, p99, max: 900, mean: 2.5 },
  });
  const stats: TimelineStats = {
    deployment: 'prod',
    window: { startUnixNs: '1', endUnixNs: '101', durationNs: 100 },
    workers: 2,
    exactness: 'raw',
    events: 8,
    stages: [row('expert', 40, 9), row('gate', 60, 5), row('dense', 50, 7)],
    causes: [],
    histogram: { edgesNs: [10, 100, 1_000], count: [6, 2] },
  };

  test('sorts by any column, both ways', () => {
    const stages = (sort: typeof DEFAULT_AREA_SORT) =>
      sortedAreaRows(stats.stages, sort).map(({ stage }) => stage);
    expect(stages(DEFAULT_AREA_SORT)).toEqual(['gate', 'dense', 'expert']);
    expect(stages(nextAreaSort(DEFAULT_AREA_SORT, 'sumNs'))).toEqual(['expert', 'dense', 'gate']);
    expect(stages(nextAreaSort(DEFAULT_AREA_SORT, 'p99'))).toEqual(['expert', 'dense', 'gate']);
    expect(stages(nextAreaSort(DEFAULT_AREA_SORT, 'stage'))).toEqual(['dense', 'expert', 'gate']);
  });

  test('a saved table has a head and every digit', () => {
    const [head, first] = areaCsv(stats);
    expect(head).toEqual(
      'group stage kind count sumNs share meanNs p50Ns p90Ns p99Ns maxNs'.split(' '),
    );
    expect(first).toEqual(AREA_COLUMNS.map((column) => areaValue(stats.stages[0]!, column)));
    expect(first).toContain(2.5);
  });

  test('bars tell their events and share; ticks stand at round durations', () => {
    const bars = histogramBars(stats);
    expect(bars.map(({ heightRatio }) => heightRatio)).toEqual([1, 2 / 6]);
    expect(bars[0]!.text).toBe('10.0 ns to 100 ns: 6 events, 75.0 %');
    expect(histogramTicks(stats.histogram.edgesNs)).toEqual([
      { ns: 10, at: 0 },
      { ns: 100, at: 0.5 },
      { ns: 1_000, at: 1 },
    ]);
    expect(histogramTicks([])).toEqual([]);
    expect(exactnessText({ ...stats, exactness: 'rollup' })).toMatch(/1\/64/);
  });
});

describe('filters', () => {
  const seen = ['gate', 'attention', 'mine', 'expert'];

  test('the legend stands in the order of a micro-batch’s way', () => {
    expect(stageKeys(seen, {}).map(({ stage, isShown }) => [stage, isShown])).toEqual([
      ['attention', true],
      ['gate', true],
      ['expert', true],
      ['mine', true],
    ]);
    expect(orderedStages(['b', 'a', 'a', 'combine'])).toEqual(['combine', 'a', 'b']);
  });

  test('toggling twice is nothing; all shown, or none, is no filter', () => {
    fc.assert(
      fc.property(
        fc.subarray(seen, { minLength: 1 }),
        fc.constantFrom(...seen),
        (stages, stage) => {
          const filters: TimelineFilters =
            stages.length === seen.length
              ? { layer: 2 }
              : { layer: 2, stages: orderedStages(stages) };
          const once = withStageToggled(filters, seen, stage);
          expect(once.layer).toBe(2);
          expect(once.stages?.length ?? seen.length).toBeGreaterThan(0);
          const isLast = stages.length === 1 && stages[0] === stage;
          if (!isLast) expect(withStageToggled(once, seen, stage)).toEqual(filters);
          else expect(once.stages).toBeUndefined();
        },
      ),
    );
    expect(withStageAlone({}, 'gate')).toEqual({ stages: ['gate'] });
    expect(withStageAlone({ stages: ['gate'] }, 'gate')).toEqual({});
  });

  test('each chip has a way out', () => {
    let filters: TimelineFilters = { stages: ['gate'], layer: 0, microbatch: 1, peer: 3 };
    expect(filterChips(filters).map(({ text }) => text)).toEqual([
      'Stage gate',
      'Layer 0',
      'Micro-batch 1',
      'Peer 3',
    ]);
    for (const { name } of filterChips(filters)) filters = withoutChip(filters, name);
    expect(filters).toEqual({});
    expect(withNumber({ layer: 3 }, 'layer', 4)).toEqual({ layer: 4 });
    expect(parseFilterNumber('layer', ' 60 ')).toBe(60);
    expect(parseFilterNumber('layer', '-1')).toBeNull();
    expect(parseFilterNumber('microbatch', '10000')).toBeNull();
  });
});

describe('steps', () => {
  const step = (number: number, durationNs: number) => ({
    ...{ domain: 0, step: number, startUnixNs: String(BASE), durationNs },
    ...{ cadenceNs: null, events: 5, tokens: null },
  });

  test('bars are of the longest; the target is on their scale', () => {
    const rows = stepRows([step(1, 50), step(2, 100)], 80, { domain: 0, step: 1 });
    expect(
      rows.map(({ widthRatio, targetRatio, isOver, isCurrent }) => [
        widthRatio,
        targetRatio,
        isOver,
        isCurrent,
      ]),
    ).toEqual([
      [0.5, 0.8, false, true],
      [1, 0.8, true, false],
    ]);
    expect(stepRows([step(1, 50)], 80, null)[0]!.targetRatio).toBeNull();
    expect(stepRows([], null, null)).toEqual([]);
  });

  test('names and counts', () => {
    expect(stepName({ domain: 1, step: 1_234 }, true)).toBe('domain 1, step 1,234');
    expect(stepsSummary({ total: 1_200, over: 0, overNs: null }, 50)).toBe('50 of 1,200 steps');
    expect(stepsSummary({ total: 1_200, over: 3, overNs: 5e7 }, 3)).toBe(
      '3 of 1,200 steps over 50.0 ms',
    );
  });

  test('a target is typed in milliseconds', () => {
    expect(parseTargetMs('50')).toBe(50);
    expect(parseTargetMs(' 33.5 ms ')).toBe(33.5);
    for (const text of ['', '0', '-3', 'x', '1e9', null]) expect(parseTargetMs(text)).toBeNull();
    expect(steppedTargetMs(null, 1)).toBe(50);
    expect(steppedTargetMs(10, -1)).toBe(9.9);
    expect(steppedTargetMs(9.9, 1)).toBe(10);
    expect(steppedTargetMs(0.1, -1)).toBe(0.1);
  });
});

describe('search', () => {
  const hit: SearchHit = {
    ...{ kind: 'event', label: 'expert', workerId: 'ffn/1', stage: 'expert', domain: 0, step: 4 },
    ...{ layer: 2, microbatch: null, startUnixNs: String(BASE), durationNs: 10 },
  };

  test('one walks round through hits', () => {
    expect(walkHit(null, 1, 3)).toBe(0);
    expect(walkHit(null, -1, 3)).toBe(2);
    expect(walkHit(2, 1, 3)).toBe(0);
    expect(walkHit(0, -1, 3)).toBe(2);
    expect(walkHit(9, 1, 3)).toBe(0);
    expect(walkHit(0, 1, 0)).toBeNull();
  });

  test('a hit chooses what it is', () => {
    expect(hitSelection(hit)).toMatchObject({
      kind: 'event',
      event: { workerId: 'ffn/1', startUnixNs: BASE, layer: 2, microbatch: -1, kind: '' },
    });
    expect(hitSelection({ ...hit, kind: 'step' })).toMatchObject({
      kind: 'step',
      step: { step: 4 },
    });
    expect(hitSelection({ ...hit, kind: 'annotation', durationNs: 0 })).toMatchObject({
      kind: 'area',
      area: { fromUnixNs: BASE, toUnixNs: BASE + 1n },
    });
    expect(hitSelection({ ...hit, kind: 'worker', startUnixNs: null })).toBeNull();
  });

  test('says how many there are', () => {
    const answer = {
      ...{
        deployment: 'p',
        query: 'x',
        window: { startUnixNs: '0', endUnixNs: '1', durationNs: 1 },
      },
      before: null,
      hits: [hit],
    };
    expect(searchSummary({ ...answer, total: 1 })).toBe('1 hit');
    expect(searchSummary({ ...answer, total: 5_000 })).toBe('5,000 hits; the first 1 listed');
    expect(searchSummary({ ...answer, total: 5_000, before: 1_200 })).toBe(
      '5,000 hits, 1,200 before and 3,800 after the middle of the view; the nearest 1 listed',
    );
    expect(searchSummary({ ...answer, total: 0, hits: [] })).toBe('Nothing found');
  });
});

describe('notes', () => {
  const view = { fromUnixNs: BASE, fractionNs: 0, spanNs: 1_000 };
  const note = {
    ...{ id: 'a', deployment: 'p', author: '', text: 'slow', createdUnixNs: '1' },
    ...{ fromUnixNs: String(BASE + 10n), toUnixNs: String(BASE + 10n) },
  };

  test('a new one is on what is chosen, else on the middle of the view', () => {
    expect(newNote(null, view)).toMatchObject({ fromUnixNs: BASE + 500n, toUnixNs: BASE + 500n });
    const area = { fromUnixNs: BASE, toUnixNs: BASE + 9n, workers: null };
    expect(newNote({ kind: 'area', area }, view)).toMatchObject({ toUnixNs: BASE + 9n, id: null });
  });

  test('what is sent holds the id of an old one; an empty one is not sent', () => {
    expect(noteRequest({ ...draftOf(note), text: ' later ' }, 'p', ' me ')).toEqual({
      id: 'a',
      deployment: 'p',
      fromUnixNs: note.fromUnixNs,
      toUnixNs: note.toUnixNs,
      author: 'me',
      text: 'later',
    });
    expect(noteRequest({ ...draftOf(note), text: '  ' }, 'p', '')).toBeNull();
    expect(noteRequest({ ...draftOf(note), text: 'x'.repeat(5_000) }, 'p', '')).toBeNull();
  });

  test('are listed by time; those in view are told', () => {
    const late = {
      ...note,
      id: 'b',
      fromUnixNs: String(BASE + 5_000n),
      toUnixNs: String(BASE + 7_000n),
    };
    const rows = noteRows([late, note], view);
    expect(
      rows.map(({ note: { id }, isInView, lengthText }) => [id, isInView, lengthText]),
    ).toEqual([
      ['a', true, 'instant'],
      ['b', false, '2.00 µs'],
    ]);
  });
});

test('an area leads to its export and to a comparison with as long a time before', () => {
  const area = { fromUnixNs: 1_000n, toUnixNs: 1_400n, workers: ['ffn/0', 'ffn/1'] };
  expect(areaExportHref('a b', area, 'csv')).toBe(
    '/api/v1/export?format=csv&deployment=a+b&from=1000&to=1400&workers=ffn%2F0%2Cffn%2F1',
  );
  const compare = new URL(compareBeforeHref('p', area), 'http://h').searchParams;
  expect(Object.fromEntries(compare)).toMatchObject({
    ...{ a: 'p', 'a.from': '600', 'a.to': '1000', b: 'p', 'b.from': '1000', 'b.to': '1400' },
  });
});

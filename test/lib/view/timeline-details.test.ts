import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StepPath } from '#lib/api/critical-path.ts';
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import {
  eventAt,
  findEvent,
  perSecond,
  slackOf,
  stepPlace,
  waitParts,
} from '#lib/view/timeline-details.ts';
import {
  culpritEvent,
  eventOfFlow,
  flowKeyOf,
  flowText,
  flowWindow,
} from '#lib/view/timeline-flow-view.ts';
import { neighbourEvent } from '#lib/view/timeline-neighbour.ts';
import { BASE, binsTile, eventsTile, sampleEvent } from './sample-tile.ts';

describe('event of a tile', () => {
  const a = sampleEvent({ startNs: 10, tokens: 512 });
  const b = sampleEvent({ startNs: 500, layer: 4 });
  const wait = sampleEvent({ startNs: 20, stage: 'a2f_recv', kind: 'wait', stream: 'wait' });
  const tile = eventsTile([a, b, wait]);

  test('is found by what tells it from others, and read as it is', () => {
    for (const event of [a, b, wait]) expect(eventAt(tile, findEvent(tile, event))).toEqual(event);
    expect(findEvent(tile, { ...a, workerId: 'ffn/9' })).toBe(-1);
    expect(findEvent(tile, { ...a, stage: 'gate' })).toBe(-1);
  });

  test('clocks that were aligned anew move it a little; another event is not it', () => {
    expect(eventAt(tile, findEvent(tile, { ...b, startUnixNs: b.startUnixNs - 3n }))).toEqual(b);
    expect(findEvent(tile, { ...a, startUnixNs: a.startUnixNs - 3_000_000n })).toBe(-1);
  });

  test('a search tells no kind: any will do', () => {
    expect(eventAt(tile, findEvent(tile, { ...wait, kind: '' }))).toEqual(wait);
  });

  test('rates need an amount and a time', () => {
    expect(perSecond(512, 1_000_000)).toBe(512_000);
    expect(perSecond(-1, 100)).toBeNull();
    expect(perSecond(5, 0)).toBeNull();
  });
});

describe('waits', () => {
  test('bubbles inside of it, by cause and culprit, the rest was hidden', () => {
    const wait = sampleEvent({ startNs: 1_000, durationNs: 1_000, kind: 'wait', stream: 'wait' });
    const bubble = (startNs: number, durationNs: number, culpritId: string | null) => ({
      workerId: wait.workerId,
      startUnixNs: BASE + BigInt(startNs),
      durationNs,
      cause: culpritId === null ? ('unknownNs' as const) : ('peerComputeNs' as const),
      culpritId,
    });
    const tile = eventsTile(
      [wait],
      [
        bubble(900, 300, 'attention/2'),
        bubble(1_200, 100, null),
        bubble(1_500, 50, 'attention/2'),
        bubble(1_990, 40, 'attention/1'),
        { ...bubble(1_000, 1_000, 'attention/2'), workerId: 'ffn/1' },
      ],
    );
    const { parts, hiddenNs } = waitParts(tile, wait);
    expect(parts).toEqual([
      { cause: 'peerComputeNs', culpritId: 'attention/2', ns: 250, ratio: 0.25 },
      { cause: 'unknownNs', culpritId: null, ns: 100, ratio: 0.1 },
      { cause: 'peerComputeNs', culpritId: 'attention/1', ns: 10, ratio: 0.01 },
    ]);
    expect(hiddenNs).toBe(640);
  });

  test('parts and what was hidden add up to the wait', () => {
    const wait = sampleEvent({ startNs: 500, durationNs: 400, kind: 'wait' });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(100), fc.integer({ min: 1, max: 100 }), fc.nat(2))),
        (gaps) => {
          let at = 0;
          const bubbles = gaps.map(([gap, durationNs, culprit]) => {
            const startUnixNs = BASE + BigInt(at + gap);
            at += gap + durationNs;
            const culpritId = culprit === 2 ? null : `attention/${culprit}`;
            return { ...wait, startUnixNs, durationNs, cause: 'fanInNs' as const, culpritId };
          });
          const { parts, hiddenNs } = waitParts(eventsTile([wait], bubbles), wait);
          expect(parts.reduce((sum, { ns }) => sum + ns, hiddenNs)).toBe(400);
        },
      ),
    );
  });
});

test('the place in a step is told from its start', () => {
  const step = { startUnixNs: BASE, durationNs: 1_000 };
  expect(stepPlace(sampleEvent({ startNs: 250, durationNs: 100 }), step)).toEqual({
    offsetNs: 250,
    offsetRatio: 0.25,
    lengthRatio: 0.1,
  });
});

test('slack is that of the event; a part of a receive has that of the whole', () => {
  const path: StepPath = {
    ...{
      domain: 0,
      step: 7,
      startUnixNs: String(BASE),
      durationNs: 900,
      kinds: [],
      hiddenEvents: 0,
    },
    workers: [{ workerId: 'ffn/0', group: 'ffn', role: 'ffn', rank: 0 }],
    stages: ['expert', 'a2f_recv'],
    path: {
      worker: [],
      startNs: [],
      durationNs: [],
      stage: [],
      layer: [],
      microbatch: [],
      kind: [],
    },
    events: {
      worker: [0, 0, 0],
      startNs: [100, 300, 600],
      durationNs: [200, 100, 100],
      stage: [1, 0, 0],
      layer: [3, 3, 4],
      microbatch: [1, 1, 1],
      slackNs: [55, 0, 9],
    },
  };
  expect(slackOf(path, sampleEvent({ startNs: 300 }))).toBe(0);
  expect(slackOf(path, sampleEvent({ startNs: 600, layer: 4 }))).toBe(9);
  expect(slackOf(path, sampleEvent({ startNs: 250, durationNs: 50, stage: 'a2f_recv' }))).toBe(55);
  expect(slackOf(path, sampleEvent({ startNs: 600, layer: 3 }))).toBeNull();
  expect(slackOf(path, sampleEvent({ startNs: 300, workerId: 'ffn/1' }))).toBeNull();
});

describe('flow', () => {
  const flow: TimelineFlow = {
    ...{ deployment: 'prod', domain: 0, step: 7, layer: 3, microbatch: 1, missing: [] },
    events: [
      ['attention/0', 'attention', 'compute', 0, 100],
      ['attention/0', 'a2f_send', 'transfer', 100, 50],
      ['ffn/0', 'a2f_recv', 'wait', 20, 80],
      ['ffn/0', 'a2f_recv', 'transfer', 100, 50],
      ['ffn/0', 'expert', 'compute', 150, 70],
    ].map(([workerId, stage, kind, start, duration]) => ({
      workerId: String(workerId),
      stage: String(stage),
      kind: String(kind),
      startUnixNs: String(BASE + BigInt(start!)),
      durationNs: Number(duration),
    })),
    arrows: [
      { from: 0, to: 1, kind: 'local' },
      { from: 1, to: 3, kind: 'a2f' },
      { from: 3, to: 4, kind: 'local' },
    ],
  };

  test('an event without a layer or micro-batch has none', () => {
    expect(flowKeyOf(sampleEvent({}))).toEqual({ domain: 0, step: 7, layer: 3, microbatch: 1 });
    for (const key of ['step', 'layer', 'microbatch'] as const) {
      expect(flowKeyOf(sampleEvent({ [key]: -1 }))).toBeNull();
    }
  });

  test('a culprit is shown where the cause lies', () => {
    expect(culpritEvent(flow, 'attention/0', 'peerComputeNs')?.stage).toBe('attention');
    expect(culpritEvent(flow, 'attention/0', 'a2fNetworkNs')?.stage).toBe('a2f_send');
    expect(culpritEvent(flow, 'ffn/0', 'a2fNetworkNs')?.stage).toBe('expert');
    expect(culpritEvent(flow, 'ffn/1', 'peerComputeNs')).toBeNull();
    expect(eventOfFlow(flow, flow.events[1]!)).toMatchObject({ stream: 'transfer', layer: 3 });
  });

  test('is told in words, with its time', () => {
    expect(flowText(flow)).toBe('5 events of 2 workers, 1 transfer');
    expect(flowWindow(flow)).toEqual({ startUnixNs: BASE, endUnixNs: BASE + 220n });
    expect(flowText({ ...flow, events: [], arrows: [] })).toBe(
      'No event of this micro-batch is there.',
    );
  });
});

describe('same stage, next and previous', () => {
  const bounds = { fromUnixNs: BASE, toUnixNs: BASE + 10_000_000_000n };

  test('equals a look at all events, whatever detail windows are answered at', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(9_999_999_999), { minLength: 1, maxLength: 12 }),
        fc.nat(11),
        fc.constantFrom('next', 'previous'),
        fc.integer({ min: 1, max: 3_000_000 }),
        async (starts, pick, direction, finestNs) => {
          const events = starts.map((startNs) => sampleEvent({ startNs }));
          const others = starts.map((startNs) =>
            sampleEvent({ startNs: startNs + 7, stage: 'gate' }),
          );
          const own = events[pick % events.length]!;
          const ask = async (window: typeof bounds) => {
            const inside = [...events, ...others].filter(
              ({ startUnixNs }) =>
                startUnixNs >= window.fromUnixNs && startUnixNs < window.toUnixNs,
            );
            const lengthNs = Number(window.toUnixNs - window.fromUnixNs);
            if (lengthNs <= finestNs) return eventsTile(inside, [], window);
            return binsTile(inside, window, lengthNs / 8);
          };
          const found = await neighbourEvent(ask, own, direction, bounds);
          const sorted = [...events].sort((a, b) => Number(a.startUnixNs - b.startUnixNs));
          const expected = sorted[sorted.indexOf(own) + (direction === 'next' ? 1 : -1)] ?? null;
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('where only sums are kept there is none', async () => {
    const event = sampleEvent({ startNs: 0 });
    const other = sampleEvent({ startNs: 5_000_000 });
    let asked = 0;
    const ask = async (window: typeof bounds) => {
      asked++;
      const inside = other.startUnixNs < window.toUnixNs ? [other] : [];
      return binsTile(inside, { ...window, fromUnixNs: BASE }, 50_000_000);
    };
    expect(await neighbourEvent(ask, event, 'next', bounds)).toBeNull();
    expect(asked).toBeLessThan(10);
  });
});

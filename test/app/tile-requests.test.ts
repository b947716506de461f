import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type FetchTile,
  type TileRequest,
  TileRequests,
} from '#app/_components/timeline/tile-requests.ts';
import type { TimelineTile } from '#lib/api/timeline-client.ts';
import { tileExtent } from '#lib/view/timeline-tiles.ts';
import { eventTile } from '#test/lib/view/sample-tiles.ts';

const LEVEL = 20;
const NEWEST = 1_795_800_400_000_000_000n;

function requestOf(index: number): TileRequest {
  return { block: null, address: { level: LEVEL, index }, wish: { filters: {}, key: '{}' } };
}

interface Answer {
  readonly query: Parameters<FetchTile>[1];
  readonly index: number;
  readonly signal: AbortSignal;
  readonly give: (tile: TimelineTile) => void;
  readonly refuse: (error: Error) => void;
}

/** Requests to a server that answers when the test says; as a real one it refuses what is cancelled. */
function requestsOf() {
  const answers: Answer[] = [];
  const came: number[] = [];
  const onChange = vi.fn();
  const requests = new TileRequests({
    deployment: 'prod',
    onTile: ({ address }) => came.push(address.index),
    onChange,
    fetchTile: (_deployment, query, options) =>
      new Promise((give, refuse) => {
        const signal = options!.signal!;
        signal.addEventListener('abort', () => refuse(new Error('cancelled')));
        const index = Number(BigInt(query.from!) >> BigInt(LEVEL));
        answers.push({ query, index, signal, give, refuse });
      }),
  });
  const ask = (wanted: readonly number[], spare: readonly number[] = [], isMoving = false) =>
    requests.ask(wanted.map(requestOf), spare.map(requestOf), {
      newestUnixNs: NEWEST,
      isMoving,
      nowMs: performance.now(),
    });
  const give = (answer: Answer) =>
    answer.give(eventTile({ level: LEVEL, index: answer.index, rows: 1 }, []));
  return { requests, answers, came, onChange, ask, give, asked: () => answers.map((a) => a.index) };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe('requests for tiles', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('the view comes first, and a tile is asked for once', async () => {
    const { requests, answers, came, onChange, ask, give, asked } = requestsOf();
    ask([1], [7]);
    ask([1], [7]);
    expect(asked()).toEqual([1]);
    give(answers[0]!);
    await settle();
    expect(came).toEqual([1]);
    expect(onChange).toHaveBeenCalledTimes(1);
    ask([], [7]);
    expect(asked()).toEqual([1, 7]);
    requests.close();
  });

  test('four at most are under way', async () => {
    const { requests, answers, ask, give, asked } = requestsOf();
    ask([1, 2, 3, 4, 5]);
    expect(asked()).toEqual([1, 2, 3, 4]);
    give(answers[2]!);
    await settle();
    ask([1, 2, 4, 5]);
    expect(asked()).toEqual([1, 2, 3, 4, 5]);
    requests.close();
  });

  test('what nobody wants any more is cancelled, which is no failure', async () => {
    const { requests, answers, came, ask } = requestsOf();
    ask([1, 2]);
    ask([2]);
    expect(answers.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await settle();
    expect(requests.problem).toBeNull();
    expect(came).toEqual([]);
    requests.close();
    expect(answers[1]!.signal.aborted).toBe(true);
  });

  test('after a failure it waits, asks again, and does not let that keep the rest from coming', async () => {
    const { requests, answers, onChange, ask, give, asked } = requestsOf();
    ask([1], [7]);
    answers[0]!.refuse(new Error('no such luck'));
    await settle();
    expect(requests.problem?.detail).toContain('no such luck');
    onChange.mockClear();
    ask([1], [7]);
    expect(asked()).toEqual([1]);
    expect(onChange).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(onChange).toHaveBeenCalledTimes(1);
    ask([1], [7]);
    expect(asked()).toEqual([1, 1, 7]);
    give(answers[1]!);
    await settle();
    expect(requests.problem).toBeNull();
    requests.close();
  });

  test('while the zoom moves nothing is asked for, but it is woken once it may rest', async () => {
    const { requests, onChange, ask, asked } = requestsOf();
    ask([1], [], true);
    expect(asked()).toEqual([]);
    await vi.advanceTimersByTimeAsync(50);
    expect(onChange).toHaveBeenCalledTimes(1);
    ask([1]);
    expect(asked()).toEqual([1]);
    requests.close();
  });

  test('a closed one says nothing more', async () => {
    const { requests, onChange, ask } = requestsOf();
    ask([1]);
    ask([1, 2], [], true);
    requests.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(onChange).not.toHaveBeenCalled();
  });

  test('a tile is asked for by its extent, its block and what is wished', () => {
    const { requests, answers } = requestsOf();
    const address = { level: LEVEL, index: Number(NEWEST >> BigInt(LEVEL)) };
    const wish = { filters: { layer: 3 }, key: '{"layer":3}' };
    const turn = { newestUnixNs: NEWEST, isMoving: false, nowMs: performance.now() };
    requests.ask([{ block: ['a/0', 'a/1'], address, wish }], [], turn);
    const { fromUnixNs, toUnixNs } = tileExtent(address);
    expect(answers[0]!.query).toEqual({
      layer: 3,
      workers: ['a/0', 'a/1'],
      from: String(fromUnixNs),
      to: String(toUnixNs),
      bins: 1024,
    });
    requests.close();
  });
});

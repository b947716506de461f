import { beforeEach, describe, expect, test } from 'vitest';
import type { IngestState } from '#collector/ingest/thread-messages.ts';
import { ClockWatch } from '#collector/observe/clock-watch.ts';
import { CollectorWatch, MAX_QUEUE_WAIT_MS } from '#collector/observe/collector-watch.ts';
import { ConditionBoard } from '#collector/observe/condition-board.ts';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { FrontDoor } from '#collector/receive/front-door.ts';
import { ReceiverStats } from '#collector/receive/receiver-stats.ts';

const OK: IngestState = { status: 'ok' };
const full = (reason: string): IngestState => ({
  status: 'degraded',
  name: 'disk-full',
  reason,
  sinceUnixMs: 1000,
});

let state: IngestState;
let queueWaitMs: number;
let wallMs: number;
let stats: ReceiverStats;
let board: ConditionBoard;
let door: FrontDoor;
let watch: CollectorWatch;

const names = () => watch.conditions().map(({ name }) => name);

/** As the ingest service tells it: the state, and that it changed. */
function become(next: IngestState): void {
  state = next;
  watch.storeState(next);
}

beforeEach(() => {
  state = OK;
  queueWaitMs = 0;
  wallMs = 1_795_000_000_000;
  stats = new ReceiverStats(new ByteBudget(1000));
  board = new ConditionBoard({ info: () => {}, warn: () => {}, error: () => {} });
  door = new FrontDoor({ budget: stats.budget, pressure: () => watch.pressure() });
  watch = new CollectorWatch({
    board,
    stats,
    ingest: () => ({ state: () => state, queueWaitMs: () => queueWaitMs }),
    door: () => door,
    clock: new ClockWatch({ wallMs: () => wallMs, monotonicMs: () => 0 }),
    overloadOverMs: 50,
  });
});

describe('pressure', () => {
  test('none while the store works and the queue is young', () => {
    queueWaitMs = MAX_QUEUE_WAIT_MS;
    expect(watch.pressure()).toBeNull();
  });

  test('a queue that is too old: 429, since nothing of it is lost', () => {
    queueWaitMs = MAX_QUEUE_WAIT_MS + 1;
    expect(watch.pressure()).toMatchObject({ status: 'overloaded', retryAfterS: 5 });
  });

  test('a store that refuses comes before the queue that it causes, and is named', () => {
    queueWaitMs = 60_000;
    become(full('/data: the disk is full'));
    const refused = watch.pressure();
    expect(refused).toMatchObject({ status: 'unavailable', retryAfterS: 5 });
    expect(refused?.message).toContain('disk-full');
    expect(refused?.message).not.toContain('/data');
  });
});

describe('conditions', () => {
  test('follow the store from one state to another, and keep since when', () => {
    become(full('a'));
    become(full('b'));
    expect(watch.conditions()).toMatchObject([
      { name: 'disk-full', detail: 'b', sinceUnixMs: 1000 },
    ]);
    become({ status: 'degraded', name: 'damaged', reason: 'c', sinceUnixMs: 2000 });
    expect(names()).toEqual(['damaged']);
    become(OK);
    expect(names()).toEqual([]);
    become({ status: 'fatal', reason: 'the thread ended', sinceUnixMs: 3000 });
    expect(names()).toEqual(['store-stopped']);
  });

  test('overload: while requests wait for room, and until some time after; not for a full disk', async () => {
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    queueWaitMs = 5000;
    const waiting = Promise.resolve(door.enter(stats.budget.lease(), 1, 10_000, () => {}));
    watch.look();
    expect(names()).toEqual(['overload']);
    queueWaitMs = 0;
    expect(await waiting).toBeNull();
    watch.look();
    expect(names()).toEqual(['overload']);
    await pause(60);
    watch.look();
    expect(names()).toEqual([]);
    become(full('a'));
    const outside = Promise.resolve(door.enter(stats.budget.lease(), 1, 10_000, () => {}));
    watch.look();
    expect(names()).toEqual(['disk-full']);
    door.close();
    await outside;
  });

  test('overload: refusals for want of room, once each time', () => {
    stats.refuse('traces', 'http', 'over_budget');
    watch.look();
    expect(names()).toEqual(['overload']);
    expect(board.entered('overload')).toBe(1);
  });

  test('the clock', () => {
    watch.look();
    wallMs -= 300_000;
    watch.look();
    expect(watch.conditions()).toMatchObject([{ name: 'clock', notReady: false }]);
    expect(watch.conditions()[0]?.detail).toContain('back by 5.0 min');
    wallMs += 300_000;
    watch.look();
    expect(names()).toEqual([]);
  });
});

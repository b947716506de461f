import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { FrontDoor, type Refused } from '#collector/receive/front-door.ts';
import { grpcPatienceMs, HTTP_PATIENCE_MS, MAX_PATIENCE_MS } from '#collector/receive/receiver.ts';

const LOCKED: Refused = { status: 'unavailable', message: 'locked', retryAfterS: 5 };
const stays = () => undefined;

let pressure: Refused | null;
let budget: ByteBudget;
let door: FrontDoor;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  pressure = null;
  budget = new ByteBudget(1000);
  door = new FrontDoor({ budget, pressure: () => pressure, maxWaiting: 3 });
});
afterEach(() => {
  door.close();
  vi.useRealTimers();
});

/** What came of each so far, in the order of their end. */
function knock(name: string, ended: string[], needBytes = 0, patienceMs = 1000) {
  const lease = budget.lease();
  const entered = Promise.resolve(door.enter(lease, needBytes, patienceMs, stays));
  void entered.then((refused) => ended.push(refused === null ? name : `${name} ${refused.status}`));
  return { lease, entered };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('an open door', () => {
  test('lets in at once and takes the bytes', () => {
    const lease = budget.lease();
    expect(door.enter(lease, 400, 0, stays)).toBeNull();
    expect(lease.heldBytes).toBe(400);
    expect(door.waiting).toBe(0);
  });

  test('one that is larger than its share comes in alone', () => {
    expect(door.enter(budget.lease(), 900, 0, stays)).toBeNull();
    expect(door.enter(budget.lease(), 10, 0, stays)).toMatchObject({ status: 'overloaded' });
  });
});

describe('a closed door', () => {
  test('who cannot wait is refused with the reason', () => {
    pressure = LOCKED;
    expect(door.enter(budget.lease(), 1, 0, stays)).toEqual(LOCKED);
  });

  test('first come, first served; nobody overtakes one that does not fit', async () => {
    const ended: string[] = [];
    const { lease } = knock('inside', ended, 700);
    knock('large', ended, 600);
    knock('small', ended, 1);
    await pass(50);
    expect(ended).toEqual(['inside']);
    expect(door.waiting).toBe(2);
    lease.release();
    await pass(20);
    expect(ended).toEqual(['inside', 'large', 'small']);
    expect(budget.usedBytes).toBe(601);
    expect(door.waiting).toBe(0);
  });

  test('patience ends: refused for what holds the door, and no bytes are kept', async () => {
    const ended: string[] = [];
    pressure = LOCKED;
    const { lease, entered } = knock('a', ended, 100, 300);
    knock('b', ended, 100, 2000);
    await pass(320);
    expect(ended).toEqual(['a unavailable']);
    expect(await entered).toEqual(LOCKED);
    expect(lease.heldBytes).toBe(0);
    pressure = null;
    await pass(20);
    expect(ended).toEqual(['a unavailable', 'b']);
  });

  test('only so many wait', async () => {
    pressure = LOCKED;
    const ended: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) knock(name, ended);
    await pass(0);
    expect(ended).toEqual(['d unavailable']);
    expect(door.waiting).toBe(3);
  });

  test('a sender that leaves gives its place free', async () => {
    pressure = LOCKED;
    let leave: () => void = () => undefined;
    const entered = door.enter(budget.lease(), 1, 1000, (left) => {
      leave = left;
    });
    expect(door.waiting).toBe(1);
    leave();
    expect(await entered).not.toBeNull();
    expect(door.waiting).toBe(0);
  });

  test('closing for good refuses who waits, and keeps nobody waiting any more', async () => {
    pressure = LOCKED;
    const ended: string[] = [];
    knock('a', ended);
    door.close();
    await pass(0);
    expect(ended).toEqual(['a unavailable']);
    knock('b', ended);
    await pass(0);
    expect(ended).toEqual(['a unavailable', 'b unavailable']);
  });
});

test('gRPC says how long its sender waits; a margin is left for the answer', () => {
  expect(grpcPatienceMs(undefined)).toBe(HTTP_PATIENCE_MS);
  expect(grpcPatienceMs('soon')).toBe(HTTP_PATIENCE_MS);
  expect(grpcPatienceMs('10S')).toBe(8000);
  expect(grpcPatienceMs('9998m')).toBe(7998);
  expect(grpcPatienceMs('500m')).toBe(0);
  expect(grpcPatienceMs('90000000u')).toBe(88_000);
  expect(grpcPatienceMs('99H')).toBe(MAX_PATIENCE_MS);
});

/** When looks fail, wait or take too long, that is a condition until they come in time again. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LookClock } from '#collector/alert/look-clock.ts';
import { LoopCounts } from '#collector/alert/loop-counts.ts';
import { ConditionBoard } from '#collector/observe/condition-board.ts';

let board: ConditionBoard;
let counts: LoopCounts;
let look: () => Promise<string | null>;
let clock: LookClock;

beforeEach(() => {
  vi.useFakeTimers();
  const log = { warn: () => undefined, error: () => undefined, info: () => undefined };
  board = new ConditionBoard(log);
  counts = new LoopCounts();
  look = async () => null;
  clock = new LookClock({ look: () => look(), counts, board, log });
});
afterEach(async () => {
  const stopped = clock.stop();
  await vi.runAllTimersAsync();
  await stopped;
  vi.useRealTimers();
});

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const told = (): string[] => board.active().map(({ name, detail }) => `${name}: ${detail}`);

test('looks in time are nothing to tell', async () => {
  await seconds(60);
  expect(told()).toEqual([]);
});

test('looks that fail are, and it is over when they do not', async () => {
  await seconds(5);
  look = () => Promise.reject(new Error('a bad figure'));
  await seconds(10);
  expect(told()).toEqual([]);
  await seconds(10);
  expect(told()[0]).toMatch(
    /^alerting: rules were evaluated last \d+ s ago \(the last look failed: a bad figure\)$/,
  );
  expect(counts.failures).toBeGreaterThan(10);
  look = async () => null;
  await seconds(5);
  expect(told()).toEqual([]);
});

test('so is a database that cannot be read', async () => {
  look = async () => 'the database cannot be read';
  await seconds(20);
  expect(told()[0]).toContain('(the database cannot be read)');
  expect(counts.failures).toBe(0);
});

test('looks that take too long are told as long as they do', async () => {
  look = () => new Promise((resolve) => setTimeout(() => resolve(null), 20_000));
  await seconds(25);
  expect(told()[0]).toContain('looks take too long');
  await seconds(60);
  expect(told()).toHaveLength(1);
  look = async () => null;
  await seconds(40);
  expect(told()).toEqual([]);
});

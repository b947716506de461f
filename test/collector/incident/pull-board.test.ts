/** What workers are asked for: which windows, for how long, and whom. */
import { expect, test } from 'vitest';
import { MAX_OPEN_PULLS, PULL_OPEN_MS, PullBoard } from '#collector/incident/pull-board.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';

const START_MS = 1_767_225_600_000;

function boardAt(startMs = START_MS) {
  const clock = { nowMs: startMs };
  return { clock, board: new PullBoard(() => clock.nowMs) };
}

const window = (fromS: number, toS: number) => ({
  fromUnixNs: unixNanosFromMs(START_MS + fromS * 1000),
  toUnixNs: unixNanosFromMs(START_MS + toS * 1000),
});

const asked = (incidentId: string, fromS: number, toS: number, deployment = 'prod') => ({
  ...{ incidentId, deployment, origin: 'alert' as const },
  window: window(fromS, toS),
});

test('a window is asked for until some time after its end, under an id that stays', () => {
  const { clock, board } = boardAt();
  expect(board.valuesFor(undefined)).toEqual([]);
  board.ask(asked('i1', -60, 60));
  const [value] = board.valuesFor(undefined);
  expect(value).toMatch(
    new RegExp(
      `^i1\\.\\w+\\.\\w+;from=${START_MS - 60_000};to=${START_MS + 60_000};deployment=prod$`,
    ),
  );
  board.ask(asked('i1', -60, 60));
  expect(board.counts.asked).toEqual({ alert: 1, manual: 0 });
  clock.nowMs = START_MS + 60_000 + PULL_OPEN_MS - 1;
  expect(board.valuesFor(undefined)).toEqual([value]);
  clock.nowMs++;
  expect(board.valuesFor(undefined)).toEqual([]);
  expect(board.open()).toEqual([]);
  expect(board.counts.answers).toBe(2);
  const again = boardAt().board;
  again.ask(asked('i1', -60, 60));
  expect(again.valuesFor(undefined)).toEqual([value]);
});

test('a window that grows takes the place of the one before; a window that is long over is not asked for', () => {
  const { board } = boardAt();
  board.ask(asked('i1', -60, 60));
  board.ask(asked('i1', -60, 90));
  expect(board.open()).toMatchObject([{ toUnixMs: START_MS + 90_000 }]);
  board.ask(asked('i2', -4000, -3700));
  board.ask({ ...asked('i3', -60, 60), deployment: '' });
  expect(board.open()).toHaveLength(1);
  board.withdraw('i1');
  expect(board.open()).toEqual([]);
});

test('a sender that names its deployment is asked for that one alone', () => {
  const { board } = boardAt();
  board.ask(asked('i1', -60, 60, 'prod'));
  board.ask(asked('i2', -60, 60, 'größe;a,b'));
  const name = encodeURIComponent('größe;a,b');
  expect(board.valuesFor(undefined)).toHaveLength(2);
  const values = board.valuesFor(`30;deployment=${name}`);
  expect(values).toHaveLength(1);
  expect(values[0]).toContain(`;deployment=${name}`);
  expect(values[0]).not.toContain(',');
  expect(board.valuesFor('30;deployment=other')).toEqual([]);
  expect(board.valuesFor('30')).toHaveLength(2);
  expect(board.valuesFor('30;deployment=%E0%A4%A')).toHaveLength(2);
});

test('it knows which deployments have workers that hold steps', () => {
  const { clock, board } = boardAt();
  expect(board.hasRing('prod')).toBe(false);
  board.valuesFor('30; more=1; deployment=prod');
  expect(board.hasRing('prod')).toBe(true);
  expect(board.hasRing('other')).toBe(false);
  clock.nowMs += 61_000;
  expect(board.hasRing('prod')).toBe(false);
});

test('more windows than headers have room for are left out and counted', () => {
  const { board } = boardAt();
  for (let i = 0; i < MAX_OPEN_PULLS + 3; i++) board.ask(asked(`i${i}`, -60, 60));
  expect(board.valuesFor(undefined)).toHaveLength(MAX_OPEN_PULLS);
  expect(board.counts).toMatchObject({ asked: { alert: MAX_OPEN_PULLS }, leftOut: 3 });
});

import { expect, test } from 'vitest';
import { FRESH_ROOM, ReusedRoom } from '#lib/base/column-room.ts';

test('columns of one round do not share memory', () => {
  const room = new ReusedRoom();
  for (let round = 0; round < 3; round++) {
    const columns = [];
    for (let length = 0; length < 300_000; length = 3 * length + 1) {
      columns.push(
        room.float64(length).fill(length),
        room.int32(length).fill(-length),
        room.uint32(length).fill(length),
        room.uint16(length).fill(length % 1000),
        room.uint8(length).fill(length % 200),
      );
    }
    let c = 0;
    for (let length = 0; length < 300_000; length = 3 * length + 1) {
      for (const value of [length, -length, length, length % 1000, length % 200]) {
        const column = columns[c++]!;
        expect(column.length).toBe(length);
        expect(column.every((one) => one === value)).toBe(true);
      }
    }
    room.empty();
  }
});

test('an emptied room hands out the same memory again', () => {
  const room = new ReusedRoom();
  room.float64(1_000_000);
  room.int32(1_000_000);
  room.empty();
  const first = room.float64(1_000_000);
  expect(room.int32(1_000_000).buffer).toBe(first.buffer);
  room.empty();
  expect(room.float64(10).buffer).toBe(first.buffer);
});

test('a released room takes back all of its columns, and knows how much the next round needs', () => {
  const room = new ReusedRoom();
  const columns = [room.float64(200_000), room.int32(1_000_000), room.float64(2_000_000)];
  room.release();
  for (const column of columns) expect(column.length).toBe(0);
  const again = [room.float64(200_000), room.int32(1_000_000), room.float64(2_000_000)];
  expect(new Set(again.map(({ buffer }) => buffer)).size).toBe(1);
  expect(again.map(({ length }) => length)).toEqual([200_000, 1_000_000, 2_000_000]);
});

test('fresh columns are zero', () => {
  expect(FRESH_ROOM.float64(3)).toEqual(new Float64Array(3));
  expect(FRESH_ROOM.uint8(3)).toEqual(new Uint8Array(3));
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteStringTable } from '#lib/wire/byte-string-table.ts';

describe('ByteStringTable', () => {
  it('gives equal runs one id and different runs different ones, wherever they lie', () => {
    const run = fc.array(fc.constantFrom(0, 1, 65, 66, 255), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(run, fc.nat(5)), { maxLength: 200 }), (entries) => {
        const table = new ByteStringTable(1000);
        const ids = new Map<string, number>();
        for (const [bytes, padding] of entries) {
          const buffer = Uint8Array.from([...Array(padding).fill(7), ...bytes, 9, 9]);
          const view = new DataView(buffer.buffer);
          const key = bytes.join();
          expect(table.find(view, padding, bytes.length)).toBe(ids.get(key) ?? -1);
          const id = table.intern(buffer, view, padding, bytes.length);
          expect(id).toBe(ids.get(key) ?? ids.size);
          ids.set(key, id);
        }
        expect(table.size).toBe(ids.size);
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('adds nothing beyond its bound and still finds what it has', () => {
    const table = new ByteStringTable(2);
    expect([table.internText('one'), table.internText('two'), table.internText('three')]).toEqual([
      0, 1, -1,
    ]);
    expect(table.internText('two')).toBe(1);
  });
});

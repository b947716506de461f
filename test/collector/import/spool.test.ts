import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileName } from '#collector/import/spool.ts';

test('a name that a file can have: no folder, no control character, whole characters, short', () => {
  expect(fileName('../../a,b%2f%.json')).toBe('a,b%2f%.json');
  expect(fileName('..')).toBe('file');
  expect(fileName(`${'💥'.repeat(99)}_rank3.json`)).toMatch(/^💥+_rank3\.json$/u);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (given) => {
      const name = fileName(given);
      expect(name).not.toMatch(/[/\\\p{Cc}]/u);
      expect(name.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
      expect(['', '.', '..']).not.toContain(name);
      expect(fileName(name)).toBe(name);
    }),
  );
});

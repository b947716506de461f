/** What every state store must do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import type { Annotation, StateStore } from '#lib/store/state-store.ts';
import { BASE } from '#test/support/telemetry-batch.ts';

const at = (ns: number) => unixNanos(BASE + BigInt(ns));

function note(
  id: string,
  fromNs: number,
  toNs: number,
  fields: Partial<Annotation> = {},
): Annotation {
  return {
    id,
    deployment: 'prod',
    fromUnixNs: at(fromNs),
    toUnixNs: at(toNs),
    author: 'on-call',
    text: `"${id}" — naïve; DROP TABLE`,
    createdUnixNs: at(1),
    ...fields,
  };
}

export function describeStateStore(name: string, open: () => Promise<StateStore>): void {
  describe(`${name}: state store`, () => {
    let store: StateStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    test('imports are replaced by id, listed newest first, and go', async () => {
      const one = {
        id: 'one',
        createdUnixNs: at(1),
        state: 'running' as const,
        contentKey: 'abc',
        detail: '{}',
      };
      const two = { ...one, id: 'two', createdUnixNs: at(2), state: 'done' as const };
      await store.putImport(one);
      await store.putImport(two);
      await store.putImport({ ...one, state: 'failed', detail: '{"a":1}' });
      expect(await store.imports()).toEqual([two, { ...one, state: 'failed', detail: '{"a":1}' }]);
      expect(await store.deleteImport('two')).toBe(true);
      expect(await store.deleteImport('two')).toBe(false);
      expect((await store.imports()).map(({ id }) => id)).toEqual(['one']);
    });

    test('annotations that overlap the window, both ends included, oldest first', async () => {
      const notes = [note('late', 300, 300), note('early', 0, 100), note('middle', 100, 250)];
      for (const one of notes) await store.putAnnotation(one);
      await store.putAnnotation(note('elsewhere', 0, 999, { deployment: 'other' }));
      const [late, early, middle] = notes;
      expect(await store.annotations('prod', at(0), at(999))).toEqual([early, middle, late]);
      expect(await store.annotations('prod', at(100), at(100))).toEqual([early, middle]);
      expect(await store.annotations('prod', at(101), at(299))).toEqual([middle]);
      expect(await store.annotations('prod', at(300), at(300))).toEqual([late]);
      expect(await store.annotations('prod', at(301), at(999))).toEqual([]);
      expect(await store.annotations('none', at(0), at(999))).toEqual([]);
    });

    test('the same id replaces', async () => {
      await store.putAnnotation(note('a', 0, 10));
      const moved = note('a', 50, 60, { deployment: 'other', text: '' });
      await store.putAnnotation(moved);
      expect(await store.annotations('prod', at(0), at(99))).toEqual([]);
      expect(await store.annotations('other', at(0), at(99))).toEqual([moved]);
    });

    test('deleting says whether there was one', async () => {
      await store.putAnnotation(note('a', 0, 10));
      expect(await store.deleteAnnotation('b')).toBe(false);
      expect(await store.deleteAnnotation('a')).toBe(true);
      expect(await store.deleteAnnotation('a')).toBe(false);
      expect(await store.annotations('prod', at(0), at(99))).toEqual([]);
    });
  });
}

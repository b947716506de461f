/** What every state store must do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import type { Annotation, LogEntry, StateDocument, StateStore } from '#lib/store/state-store.ts';
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

    const alert = (id: string, ns: number, fields: Partial<StateDocument> = {}): StateDocument => ({
      kind: 'alert',
      id,
      deployment: 'prod',
      status: 'firing',
      createdUnixNs: at(0),
      updatedUnixNs: at(ns),
      detail: `{"id":"${id}"}`,
      ...fields,
    });

    test('documents are replaced by kind and id, listed by update, and go', async () => {
      const same = alert('a', 1, { kind: 'silence', status: 'active' });
      await store.change({ put: [alert('a', 1), alert('b', 3), same] });
      await store.change({ put: [alert('c', 3, { deployment: 'other', status: 'pending' })] });
      const moved = alert('a', 9, { status: 'resolved', detail: '{}' });
      await store.change({ put: [moved] });
      const ids = async (query: object) =>
        (await store.documents({ kind: 'alert', ...query })).map(({ id }) => id);
      expect(await ids({})).toEqual(['a', 'b', 'c']);
      expect(await ids({ deployment: 'prod' })).toEqual(['a', 'b']);
      expect(await ids({ statuses: ['firing', 'pending'] })).toEqual(['b', 'c']);
      expect(await ids({ sinceUnixNs: at(4) })).toEqual(['a']);
      expect(await ids({ limit: 1 })).toEqual(['a']);
      expect(await store.document('alert', 'a')).toEqual(moved);
      expect(await store.document('silence', 'a')).toEqual(same);
      expect(await store.document('incident', 'a')).toBeNull();
      const gone = [
        { kind: 'alert', id: 'a' },
        { kind: 'alert', id: 'nobody' },
      ] as const;
      expect(await store.change({ remove: gone })).toEqual({ removed: 1 });
      expect(await ids({})).toEqual(['b', 'c']);
      expect(await store.document('silence', 'a')).toEqual(same);
    });

    test('the log is read by topic, subject and time, from either end, and forgotten', async () => {
      const entry = (subject: string, ns: number, fields: Partial<LogEntry> = {}): LogEntry => ({
        topic: 'alert',
        subject,
        deployment: 'prod',
        atUnixNs: at(ns),
        part: 'firing',
        detail: '{}',
        ...fields,
      });
      const entries = [
        entry('a', 1),
        entry('b', 1),
        entry('a', 2, { part: 'x' }),
        entry('a', 2, { part: 'y', deployment: 'other' }),
        entry('a', 5),
      ];
      await store.change({ log: [...entries, entry('a', 1, { topic: 'sample' })] });
      const [a1, b1, a2x, a2y, a5] = entries;
      expect(await store.logged({ topic: 'alert', order: 'oldest' })).toEqual(entries);
      expect(await store.logged({ topic: 'alert', order: 'newest', limit: 2 })).toEqual([a5, a2x]);
      expect(await store.logged({ topic: 'alert', order: 'newest', subject: 'b' })).toEqual([b1]);
      expect(await store.logged({ topic: 'alert', order: 'oldest', deployment: 'other' })).toEqual([
        a2y,
      ]);
      const middle = { fromUnixNs: at(2), toUnixNs: at(5) };
      expect(await store.logged({ topic: 'alert', order: 'oldest', ...middle })).toEqual([
        a2x,
        a2y,
      ]);
      await store.change({ log: [entry('a', 1, { detail: '{"new":1}' })] });
      expect((await store.logged({ topic: 'alert', order: 'oldest' }))[0]).toEqual({
        ...a1,
        detail: '{"new":1}',
      });
      await store.change({ forget: [{ topic: 'alert', beforeUnixNs: at(5) }] });
      expect(await store.logged({ topic: 'alert', order: 'oldest' })).toEqual([a5]);
      expect(await store.logged({ topic: 'sample', order: 'oldest' })).toHaveLength(1);
    });
  });
}

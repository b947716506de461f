import { expect, test } from 'vitest';
import { EXPORT_FORMATS } from '#lib/query/export-formats.ts';
import { EXPORT_CHOICES } from '#lib/view/export-choices.ts';

test('the page offers every format of exports, and no other', () => {
  const offered = EXPORT_CHOICES.map(({ format }) => format);
  expect([...offered].sort()).toEqual(EXPORT_FORMATS.map(({ name }) => name).sort());
});

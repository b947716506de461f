import { expect, test } from 'vitest';
import { printable } from '#collector/cli/printable.ts';

test('names cannot control the terminal', () => {
  expect(printable('a\u001b[2Jb\u0000c\u009bd\u202ee')).toBe(
    'a\\u001b[2Jb\\u0000c\\u009bd\\u202ee',
  );
  expect(printable('生产 é\tx\ny 🚀')).toBe('生产 é\tx\ny 🚀');
});

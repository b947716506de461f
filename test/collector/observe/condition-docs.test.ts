import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONDITION_TEXTS } from '#collector/observe/condition-texts.ts';
import { OVERLOAD_RETRY_S } from '#collector/receive/front-door.ts';
import { HTTP_PATIENCE_MS } from '#collector/receive/receiver.ts';
import { CONDITION_NAMES } from '#lib/api/condition.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8');

test('every condition has its row in docs/operations.md, with what /readyz answers', () => {
  const rows = [...DOCUMENT.matchAll(/^\| `([a-z-]+)` \| (200|503)/gm)];
  expect(rows.map(([, name]) => name)).toEqual([...CONDITION_NAMES]);
  for (const [, name, status] of rows) {
    const notReady = CONDITION_TEXTS[name as keyof typeof CONDITION_TEXTS].notReady;
    expect(status).toBe(notReady ? '503' : '200');
  }
});

test('what it says of waiting and coming again is what the receivers do', () => {
  const outlastedS = (6 * HTTP_PATIENCE_MS) / 1000 + 5 * OVERLOAD_RETRY_S;
  expect(DOCUMENT).toContain(`outlast ${outlastedS} s over HTTP`);
  expect(outlastedS).toBeGreaterThan(60);
  expect(DOCUMENT).toContain(`\`Retry-After: ${OVERLOAD_RETRY_S}\``);
});

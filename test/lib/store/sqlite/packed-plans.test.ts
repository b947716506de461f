/** What is asked often must not walk through a table, nor through the pages of its blobs. */
import { expect, test } from 'vitest';
import { openWriterDatabase } from '#lib/store/sqlite/open-database.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const IN_WINDOW = `AND (to_unix_ns, id) > (1, 2) AND to_unix_ns <= 9 AND from_unix_ns < 8 AND id <= 7
  AND (replaced_by IS NULL OR replaced_by > 7) ORDER BY to_unix_ns, id LIMIT 10`;

test.each([
  [
    'chunks of a deployment',
    `SELECT id, from_unix_ns, to_unix_ns, group_name, rank FROM packed_chunks
     WHERE deployment = 'd' ${IN_WINDOW}`,
    /^SEARCH packed_chunks USING COVERING INDEX packed_chunks_by_deployment/,
  ],
  [
    'chunks of a worker',
    `SELECT id, from_unix_ns, to_unix_ns, group_name, rank FROM packed_chunks
     WHERE deployment = 'd' AND group_name = 'g' AND rank = 1 ${IN_WINDOW}`,
    /^SEARCH packed_chunks USING COVERING INDEX packed_chunks_by_worker/,
  ],
  [
    'the journal of a deployment',
    `SELECT id, from_unix_ns, to_unix_ns, events FROM journal
     WHERE deployment = 'd' AND to_unix_ns > 1 AND from_unix_ns < 9 ORDER BY id`,
    /^SEARCH journal USING COVERING INDEX journal_by_deployment/,
  ],
  [
    'small chunks',
    `SELECT id, deployment, group_name, rank, events, from_unix_ns, to_unix_ns FROM packed_chunks
     INDEXED BY packed_chunks_small
     WHERE replaced_by IS NULL AND events < 8192 AND events < 4096 ORDER BY id DESC LIMIT 9`,
    /^SCAN packed_chunks USING INDEX packed_chunks_small/,
  ],
  [
    'the newest chunks',
    'SELECT blob FROM packed_chunks WHERE replaced_by IS NULL ORDER BY seq DESC',
    /^SCAN packed_chunks USING INDEX packed_chunks_by_seq/,
  ],
  [
    'what is not summed, of packed chunks',
    'SELECT id, seq FROM packed_chunks WHERE seq > 5 AND replaced_by IS NULL',
    /^SEARCH packed_chunks USING .*INDEX packed_chunks_by_seq/,
  ],
  [
    'what is not summed, of chunks',
    'SELECT id, seq FROM chunks WHERE seq > 5 AND seq > 0 AND replaced_by IS NULL',
    /^SEARCH chunks USING .*INDEX chunks_by_seq/,
  ],
])('%s', (_, sql, plan) => {
  const database = openWriterDatabase(scratchFolder());
  const steps = database.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all();
  expect(steps.map(({ detail }) => detail)).toEqual([expect.stringMatching(plan)]);
  database.close();
});

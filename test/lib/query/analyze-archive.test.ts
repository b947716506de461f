/** `analyze` reads archives as it reads the files that senders write. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { analyzeFiles } from '#lib/query/analyze-files.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { EXPORT_NOW, exportBytes } from '#test/support/export-file.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const table = slowSteps({ seconds: 3, deployment: 'prod' });
const analyzed = async (path: string) =>
  reportJson((await analyzeFiles([path], {}, EXPORT_NOW)).report);

async function archiveOf(form: 'columns' | 'packed'): Promise<Buffer> {
  const store = new MemoryStore();
  store.unpacker = new PackedUnpacker();
  const content = form === 'packed' ? { packed: [packedTableOf(table)] } : { events: [table] };
  const rejected = new Map([['prod', { no_role: 3 }]]);
  await store.append([batchOf('a', { ...content, rejected })]);
  return exportBytes(store, { format: 'archive', deployment: 'prod' });
}

test.each(['columns', 'packed'] as const)(
  'the report of an archive of %s is that of its events',
  async (form) => {
    const folder = scratchFolder();
    const bytes = await archiveOf(form);
    const plain = join(folder, 'a.pb');
    writeFileSync(plain, encodeTracesProtobuf(table));
    const expected = await analyzed(plain);
    for (const [name, content] of [
      ['a.afdscope', bytes],
      ['a.afdscope.zst', zstdCompressSync(bytes)],
    ] as const) {
      const path = join(folder, name);
      writeFileSync(path, content);
      const found = await analyzed(path);
      expect(found).toEqual({
        ...expected,
        quality: { ...expected.quality, rejected: { no_role: 3 } },
      });
    }
  },
);

test('a damaged archive is said with its name and what to do', async () => {
  const folder = scratchFolder();
  const bytes = await archiveOf('columns');
  const path = join(folder, 'cut.afdscope');
  writeFileSync(path, bytes.subarray(0, bytes.length - 20));
  await expect(analyzed(path)).rejects.toThrow(/cut\.afdscope: the archive is cut off in part/);
  writeFileSync(path, zstdCompressSync(bytes).subarray(0, -20));
  await expect(analyzed(path)).rejects.toThrow(/cut\.afdscope: .*cut off or damaged/);
});

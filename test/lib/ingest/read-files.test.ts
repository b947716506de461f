import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  readTelemetryFile,
  readTelemetryFiles,
  TelemetryFileError,
} from '#lib/ingest/read-files.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { tableEvents } from '#test/support/oracle-decode.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { MetricsRequest } from '#test/support/otlp-schema.ts';

const attention = afdTable({ role: 'attention', workers: 2, steps: 1, layers: 3 });
const ffn = afdTable({ role: 'ffn', workers: 2, steps: 1, layers: 3 });
const json = encodeTracesJson(attention);
const metrics = {
  resourceMetrics: [
    {
      scopeMetrics: [
        { metrics: [{ name: 'g', gauge: { dataPoints: [{ timeUnixNano: '17', asDouble: 1 }] } }] },
      ],
    },
  ],
};
const logs = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]}';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('readTelemetryFiles', () => {
  it.each([
    ['plain.json', Buffer.from(json)],
    ['pretty.json', Buffer.from(JSON.stringify(JSON.parse(json), null, 2))],
    ['marked.json', Buffer.from(`\ufeff\n${json}\n`)],
    ['json.gz', gzipSync(json)],
    ['wrong-name.txt', zstdCompressSync(json)],
    ['request.pb', Buffer.from(encodeTracesProtobuf(attention))],
    ['request.pb.gz', gzipSync(encodeTracesProtobuf(attention))],
    ['request.pb.zst', zstdCompressSync(encodeTracesProtobuf(attention))],
  ])('reads %s', async (name, content) => {
    const read = await readTelemetryFile(await file(name, content));
    expect(tableEvents(read.events)).toEqual(tableEvents([attention]));
    expect(read).toMatchObject({
      received: attention.length,
      rejectedCount: 0,
      rejectedMessages: [],
    });
  });

  it('reads lines of all three signals', async () => {
    const text = [json, JSON.stringify(metrics), logs, encodeTracesJson(ffn), '{}'].join('\n');
    const read = await readTelemetryFile(await file('lines.jsonl', text));
    expect(tableEvents(read.events)).toEqual(tableEvents([attention, ffn]));
    expect(read.metrics.map(({ length }) => length)).toEqual([1]);
    expect(read.logRecords).toBe(2);
    expect(read.received).toBe(attention.length + ffn.length + 3);
  });

  it('reads protobuf with lengths between, and tells signals apart', async () => {
    const requests = [
      encodeTracesProtobuf(attention),
      MetricsRequest.encode(MetricsRequest.fromObject(metrics)).finish(),
    ];
    const parts = requests.flatMap((body) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      return [length, body];
    });
    const read = await readTelemetryFile(await file('exported.bin', Buffer.concat(parts)));
    expect(tableEvents(read.events)).toEqual(tableEvents([attention]));
    expect(read.metrics).toHaveLength(1);
  });

  it('reads a directory as all its files, and tells each complaint once', async () => {
    const inner = join(folder, 'several');
    await mkdir(inner);
    const foreign = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"},{}]}]}]}';
    await writeFile(join(inner, 'a.json'), json);
    await writeFile(join(inner, 'b.json'), `${foreign}\n${foreign}\n`);
    const read = await readTelemetryFiles([inner]);
    expect(read.files).toEqual([join(inner, 'a.json'), join(inner, 'b.json')]);
    expect(read.received).toBe(attention.length + 4);
    expect(read.rejected).toEqual(new Map([['', { not_afd: 4 }]]));
    expect(read.rejectedMessages).toEqual([
      `${join(inner, 'b.json')}: 2 spans carry no afd.* attribute; set afd.role, afd.rank and afd.step, see docs/schema.md`,
    ]);
  });

  it.each([
    ['cut.gz', gzipSync(json).subarray(0, 200), /cut\.gz: the gzip data is cut off or damaged/],
    [
      'cut.zst',
      zstdCompressSync(json).subarray(0, 100),
      /cut\.zst: the zstd data is cut off or damaged/,
    ],
    [
      'cut.json',
      `${json}\n{"resourceSpans":[`,
      /cut\.json: line 2: malformed JSON: .* at byte \d+; the file is damaged/,
    ],
    [
      'kineto.json',
      '{"schemaVersion":1,"traceEvents":[]}',
      /kineto\.json: no trace events: the trace is empty/,
    ],
    [
      'events.json',
      '[{"ph":"X"}]',
      /no GPU events: 1 CPU event \(1 without a category\); record with ProfilerActivity\.CUDA/,
    ],
    [
      'other.json',
      `${json}\n{"version":1,"rows":[]}`,
      /line 2: no resourceSpans.*\(its keys are version, rows\)/,
    ],
    ['empty.json', '', /is empty; expected OTLP JSON/],
    [
      'picture.png',
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]),
      /is neither JSON nor OTLP protobuf/,
    ],
    [
      'shape.json',
      '\n{"resourceSpans":[{"scopeSpans":7}]}',
      /line 2: malformed JSON: scopeSpans is not an array/,
    ],
  ])('refuses %s with a clear sentence', async (name, content, message) => {
    const reading = readTelemetryFile(await file(name, content));
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(TelemetryFileError);
  });

  it('says which file is missing', async () => {
    const path = join(folder, 'nowhere.json');
    await expect(readTelemetryFile(path)).rejects.toThrow(`${path}: there is no such file`);
  });
});

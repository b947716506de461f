import { randomBytes } from 'node:crypto';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { type Compression, decompress } from '#collector/receive/decompress.ts';

const MIB = 1024 * 1024;
const text = Buffer.from('attention sends, experts answer; '.repeat(5000));
const noise = randomBytes(200_000);

function run(compression: Compression, body: Uint8Array, totalBytes = 64 * MIB, maxBytes = MIB) {
  const budget = new ByteBudget(totalBytes);
  const lease = budget.lease();
  lease.growTo(body.byteLength);
  return { budget, lease, result: decompress(compression, body, lease, maxBytes) };
}

const CASES: readonly [string, Compression, (data: Uint8Array) => Buffer][] = [
  ['gzip', 'gzip', gzipSync],
  ['zlib deflate', 'deflate', deflateSync],
  ['raw deflate', 'deflate', deflateRawSync],
  ['zstd', 'zstd', zstdCompressSync],
];

describe.each(CASES)('%s', (_, compression, compress) => {
  test.each([
    ['text', text],
    ['noise', noise],
    ['nothing', Buffer.alloc(0)],
  ])('gives back %s, and the lease holds only that', async (_name, data) => {
    const { lease, result } = run(compression, compress(data));
    const outcome = await result;
    expect(outcome.ok && Buffer.from(outcome.value).equals(data)).toBe(true);
    expect(lease.heldBytes).toBe(data.byteLength);
    expect(outcome.ok && outcome.value.buffer.byteLength).toBe(data.byteLength);
  });

  test('a cut body is malformed', async () => {
    const outcome = await run(compression, compress(noise).subarray(0, -20)).result;
    expect(outcome).toMatchObject({ ok: false, error: { kind: 'malformed' } });
  });

  test('an empty body is malformed', async () => {
    const outcome = await run(compression, new Uint8Array()).result;
    expect(outcome).toMatchObject({ ok: false, error: { kind: 'malformed' } });
  });

  test('data after the end is malformed, not dropped', async () => {
    const outcome = await run(compression, Buffer.concat([compress(text), Buffer.from('more')]))
      .result;
    expect(outcome).toMatchObject({ ok: false, error: { kind: 'malformed' } });
  });

  test('a bomb stops at the limit: no more than one chunk over it is ever held', async () => {
    const bomb = compress(Buffer.alloc(200 * MIB));
    expect(bomb.byteLength).toBeLessThan(MIB);
    const { budget, result } = run(compression, bomb, 64 * MIB, 2 * MIB);
    expect(await result).toEqual({
      ok: false,
      error: { kind: 'too_large', limitBytes: 2 * MIB },
    });
    expect(budget.peakBytes).toBeLessThanOrEqual(2 * MIB + bomb.byteLength);
  });

  test('a body that the budget has no room for stops while it inflates', async () => {
    const bomb = compress(Buffer.alloc(50 * MIB));
    const { budget, result } = run(compression, bomb, 3 * MIB, 60 * MIB);
    expect(await result).toEqual({ ok: false, error: { kind: 'over_budget' } });
    expect(budget.peakBytes).toBeLessThanOrEqual(3 * MIB);
  });
});

test('concatenated zstd frames and gzip members are one body', async () => {
  const parts = [text, noise, Buffer.alloc(0), text];
  for (const [compression, compress] of [
    ['zstd', zstdCompressSync],
    ['gzip', gzipSync],
  ] as const) {
    const outcome = await run(compression, Buffer.concat(parts.map((part) => compress(part))))
      .result;
    expect(outcome.ok && Buffer.from(outcome.value).equals(Buffer.concat(parts))).toBe(true);
  }
});

test('plain bytes are told by their header', async () => {
  const plain = Buffer.from('{"key": "value"}');
  expect(await run('gzip', plain).result).toEqual({
    ok: false,
    error: { kind: 'malformed', message: 'gzip: invalid header' },
  });
  expect(await run('zstd', plain).result).toEqual({
    ok: false,
    error: { kind: 'malformed', message: 'zstd: invalid header' },
  });
  expect((await run('deflate', plain).result).ok).toBe(false);
});

test('what a refused body was inflated to is freed at once, but for its last piece', async () => {
  const freed: number[] = [];
  const transfer = vi.spyOn(ArrayBuffer.prototype, 'transfer').mockImplementation(function (
    this: ArrayBuffer,
  ) {
    freed.push(this.byteLength);
    return structuredClone(this, { transfer: [this] });
  });
  try {
    const bomb = gzipSync(Buffer.alloc(24 * MIB));
    expect(await run('gzip', bomb, 64 * MIB, 12 * MIB).result).toMatchObject({ ok: false });
  } finally {
    transfer.mockRestore();
  }
  expect(freed.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(11 * MIB);
  expect(freed.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(12 * MIB);
});

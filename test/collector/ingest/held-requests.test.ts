import { describe, expect, test } from 'vitest';
import { HeldRequests } from '#collector/ingest/held-requests.ts';
import { type IngestRequest, monotonicMs } from '#collector/messages.ts';

const request = (id: number): IngestRequest => ({
  type: 'request',
  id,
  signal: 'traces',
  encoding: 'protobuf',
  body: new Uint8Array(),
});

const ids = (items: readonly unknown[]) => items.map((item) => (item as IngestRequest).id);

describe('held requests', () => {
  test('only those whose senders wait are held, in the order of their coming', () => {
    const held = new HeldRequests();
    expect(held.add(request(1), undefined)).toBe(false);
    expect(held.add(request(2), monotonicMs() + 10)).toBe(false);
    expect(held.add(request(3), monotonicMs() + 9000)).toBe(true);
    expect(held.add(request(4), monotonicMs() + 5000)).toBe(true);
    expect(held.length).toBe(2);
    expect(ids(held.takeAll())).toEqual([3, 4]);
    expect(held.takeAll()).toEqual([]);
  });

  test('whose time is over by the next look is answered, the others stay', () => {
    const held = new HeldRequests();
    for (const [id, waitMs] of [
      [1, 500],
      [2, 60_000],
      [3, 900],
    ] as const) {
      held.add(request(id), monotonicMs() + waitMs);
    }
    expect(held.takeExpired()).toEqual([]);
    expect(ids(held.takeExpired(1000))).toEqual([1, 3]);
    expect(ids(held.takeAll())).toEqual([2]);
  });
});

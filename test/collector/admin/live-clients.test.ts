import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LiveClients, parseLastEventId } from '#collector/admin/live-clients.ts';
import type { LiveSource } from '#collector/admin/live-source.ts';
import type { LiveEvent } from '#lib/api/live-event.ts';

type Send = (epoch: number, event: LiveEvent) => void;

/** A hub whose events the test sends. */
function fakeSource() {
  const senders = new Set<Send>();
  const resumed: (number | null)[] = [];
  const source: LiveSource = {
    deployments: () => ['demo'],
    subscribe: (_deployment, lastEventId, send) => {
      resumed.push(lastEventId);
      senders.add(send);
      send(7, { kind: 'reset', deployment: 'demo' });
      return () => senders.delete(send);
    },
    latestOverviews: () => new Map(),
  };
  return { source, senders, resumed };
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(clients: LiveClients): Promise<string> {
  const started = createServer((_req, res) => clients.serve(res, 'demo', null));
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/`;
}

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, resolve).on('error', reject);
  });
}

async function readUntil(response: IncomingMessage, part: string): Promise<string> {
  let text = '';
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes(part)) return text;
  }
  return text;
}

const LIMITS = { maxClients: 4, maxBufferedBytes: 64 * 1024, heartbeatMs: 60_000 };

describe('live clients', () => {
  test('write events with id, name and data', async () => {
    const { source, senders } = fakeSource();
    const clients = new LiveClients(source, LIMITS);
    const response = await open(await serve(clients));
    expect(response.headers['content-type']).toContain('text/event-stream');
    const first = await readUntil(response, '"reset"');
    expect(first).toContain('retry: 2000\n\n');
    for (const send of senders) send(8, { kind: 'reset', deployment: 'other' });
    expect(await readUntil(response, 'other')).toBe(
      'id: 8\nevent: reset\ndata: {"kind":"reset","deployment":"other"}\n\n',
    );
    expect(clients.count).toBe(1);
    response.destroy();
    await vi.waitFor(() => expect(senders.size).toBe(0));
    expect(clients.count).toBe(0);
  });

  test('keep quiet connections alive', async () => {
    const clients = new LiveClients(fakeSource().source, { ...LIMITS, heartbeatMs: 20 });
    const response = await open(await serve(clients));
    expect(await readUntil(response, ': heartbeat\n\n')).toContain(': heartbeat');
  });

  test('disconnect who does not read', async () => {
    const { source, senders } = fakeSource();
    const clients = new LiveClients(source, LIMITS);
    const response = await open(await serve(clients));
    response.pause();
    response.on('error', () => {}); // the disconnect
    await vi.waitFor(() => expect(senders.size).toBe(1));
    const [send] = senders;
    const event: LiveEvent = { kind: 'reset', deployment: 'x'.repeat(60_000) };
    // More than the system's socket buffers hold.
    for (let i = 0; i < 2000 && senders.size > 0; i++) {
      send?.(9 + i, event);
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(senders.size).toBe(0);
    expect(clients.slowDisconnects).toBe(1);
    expect(clients.count).toBe(0);
  });

  test('end when the server closes', async () => {
    const { source, senders } = fakeSource();
    const clients = new LiveClients(source, LIMITS);
    const response = await open(await serve(clients));
    await vi.waitFor(() => expect(clients.count).toBe(1));
    clients.close();
    for await (const _chunk of response) {
      // Reads to the end, which comes.
    }
    expect(response.complete).toBe(true);
    expect(senders.size).toBe(0);
  });
});

test.each([
  ['17', 17],
  ['1793000000000001', 1_793_000_000_000_001],
  [undefined, null],
  ['', null],
  ['-1', null],
  ['9999999999999999', null],
  ['1e3', null],
])('last event id %j', (text, epoch) => {
  expect(parseLastEventId(text)).toBe(epoch);
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { warmWeb } from '#collector/supervise/warm-web.ts';

/** What a server is asked while it is warmed that answers each path so. */
async function askedOf(answers: (path: string) => object | null): Promise<readonly string[]> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = answers(path);
    response.writeHead(answer === null ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await warmWeb(`http://127.0.0.1:${port}`);
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  return asked;
}

const deployment = (id: string, lastSeenUnixNs: string) => ({
  id,
  topology: '',
  groups: [],
  firstSeenUnixNs: '1795800000000000000',
  lastSeenUnixNs,
  steps: 1,
  events: 1,
});

test('a server that has data is asked for the newest of it, once by each thread', async () => {
  const list = [deployment('old', '1795800300000000000'), deployment('new', '1795800400000000000')];
  const asked = await askedOf((path) =>
    path.endsWith('/deployments') ? { deployments: list } : null,
  );
  expect(asked.filter((path) => path.endsWith('/deployments'))).toHaveLength(2);
  const tiles = asked.filter((path) => path.includes('/deployments/new/timeline/tile'));
  expect(tiles).toHaveLength(2);
  expect(tiles[0]).toContain('to=1795800400000000000');
  expect(new Set(tiles).size).toBe(2);
});

test('a server without data, or one that refuses, is left alone', async () => {
  const ofNone = await askedOf(() => ({ deployments: [] }));
  expect(ofNone.every((path) => path.endsWith('/deployments'))).toBe(true);
  expect((await askedOf(() => null)).length).toBeGreaterThan(0);
});

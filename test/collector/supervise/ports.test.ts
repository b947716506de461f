import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { baseUrl, formatAnnouncement } from '#collector/supervise/announce.ts';
import { findPortProblems } from '#collector/supervise/ports.ts';

let taken: Server;
let port = 0;
beforeAll(async () => {
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => taken.close());

const host = '127.0.0.1';

test('free ports are no problem, port 0 may be asked for twice', async () => {
  const problems = await findPortProblems([
    { key: 'otlp.http', address: { host, port: 0 } },
    { key: 'otlp.grpc', address: { host, port: 0 } },
  ]);
  expect(problems).toEqual([]);
});

test('a taken port is named with the ways to choose another', async () => {
  expect(await findPortProblems([{ key: 'otlp.http', address: { host, port } }])).toEqual([
    `port ${port} on 127.0.0.1 is taken by another program (another afdscope?): ` +
      'set otlp.http in the configuration, AFDSCOPE_OTLP_HTTP or --otlp-http',
  ]);
});

test('an address of another machine', async () => {
  const [problem] = await findPortProblems([
    { key: 'web', address: { host: '203.0.113.7', port: 0 } },
  ]);
  expect(problem).toMatch(/^203\.0\.113\.7 is not an address of this machine: set web/);
});

test('one port for two servers', async () => {
  const problems = await findPortProblems([
    { key: 'admin', address: { host, port: 59_999 } },
    { key: 'web', address: { host, port: 59_999 } },
  ]);
  expect(problems).toEqual(['web and admin are both 127.0.0.1:59999: give each a port of its own']);
});

test('the announcement is a tidy block', () => {
  expect(
    formatAnnouncement({
      title: 'afdscope is up',
      rows: [
        ['dashboard', 'http://127.0.0.1:3000'],
        ['data', '/tmp/data'],
      ],
      notes: ['Ctrl-C stops everything.'],
    }),
  ).toBe(
    '\nafdscope is up\n\n  dashboard  http://127.0.0.1:3000\n  data       /tmp/data\n\nCtrl-C stops everything.\n',
  );
});

test.each([
  ['127.0.0.1', 'http://127.0.0.1:80'],
  ['0.0.0.0', 'http://127.0.0.1:80'],
  ['::', 'http://[::1]:80'],
  ['::1', 'http://[::1]:80'],
  ['node-7.afd', 'http://node-7.afd:80'],
])('base URL of %s', (name, url) => {
  expect(baseUrl(name, 80)).toBe(url);
});

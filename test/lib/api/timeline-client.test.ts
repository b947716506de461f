import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { encodeColumnFrame } from '#lib/api/column-frame.ts';
import {
  fetchTimelineFlow,
  fetchTimelineStats,
  fetchTimelineStepBeside,
  fetchTimelineTile,
  tileOf,
} from '#lib/api/timeline-client.ts';

const HEADER = {
  schema: 'afdscope.timeline-tile/1',
  deployment: 'prod',
  window: {
    startUnixNs: '1700000000000000000',
    endUnixNs: '1700000000000001000',
    durationNs: 1000,
  },
  detail: 'bins',
  source: 'slices',
  resolutionNs: 10,
  binNs: 10,
  aligned: true,
  receivesCut: false,
  rows: [],
  hiddenWorkers: 0,
  stages: ['expert'],
  kinds: ['compute'],
  streams: ['compute', 'transfer', 'wait', 'other'],
  causes: ['unknownNs'],
  marks: [],
  notes: [],
};
const BINS = {
  row: new Uint16Array([0]),
  stream: new Uint8Array([0]),
  stage: new Uint16Array([0]),
  bin: new Uint32Array([7]),
  count: new Float64Array([3]),
  sumNs: new Float64Array([9]),
  minNs: new Float64Array([1]),
  maxNs: new Float64Array([5]),
  waitRow: new Uint16Array(),
  waitBin: new Uint32Array(),
  waitCause: new Uint8Array(),
  waitNs: new Float64Array(),
};

let server: Server | undefined;
const urls: string[] = [];
afterEach(() => server?.close());

async function serve(body: Uint8Array): Promise<string> {
  urls.length = 0;
  server = createServer((request, response) => {
    urls.push(request.url ?? '');
    response.end(body);
  });
  await new Promise<void>((done) => server!.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('timeline client', () => {
  test('a tile comes as typed columns; filters are parameters', async () => {
    const baseUrl = await serve(encodeColumnFrame(HEADER, BINS));
    const tile = await fetchTimelineTile(
      'prod/a',
      { from: '1', to: '2', bins: 64, workers: ['a/0', 'f/1'], stages: ['expert'], layer: 0 },
      { baseUrl },
    );
    expect(urls).toEqual([
      '/api/v1/deployments/prod%2Fa/timeline/tile?from=0000000000000000001&to=0000000000000000002&bins=64&workers=a%2F0%2Cf%2F1&stages=expert&layer=0',
    ]);
    expect(tile.detail).toBe('bins');
    expect(tile.header.window.startUnixNs).toBe('1700000000000000000');
    expect(tile.columns).toMatchObject(BINS);
  });

  test('a tile of another contract is told by what is wrong', async () => {
    expect(() => tileOf(encodeColumnFrame({ ...HEADER, aligned: 'yes' }, BINS))).toThrow(
      '"aligned"',
    );
    expect(() => tileOf(encodeColumnFrame({ ...HEADER, detail: 'events' }, BINS))).toThrow(
      'no column "startNs" of Float64Array',
    );
    expect(() => tileOf(encodeColumnFrame(HEADER, { ...BINS, bin: new Float64Array(1) }))).toThrow(
      'no column "bin" of Uint32Array',
    );
    const baseUrl = await serve(new TextEncoder().encode('<html>'));
    await expect(fetchTimelineTile('prod', {}, { baseUrl })).rejects.toThrow(
      /does not begin with AFDF.*another version/,
    );
  });

  test('what is not asked for is not sent', async () => {
    const baseUrl = await serve(new TextEncoder().encode('{}'));
    const answers = [
      fetchTimelineStepBeside('p', { at: '5', direction: 'previous' }, { baseUrl }),
      fetchTimelineStats('p', { from: '-5m', stages: ['gate', 'expert'] }, { baseUrl }),
      fetchTimelineFlow('p', { step: 3, domain: 0, layer: 1, microbatch: 0, at: '9' }, { baseUrl }),
    ];
    for (const answer of answers) await expect(answer).rejects.toThrow(/wrong at/);
    expect(urls.sort()).toEqual([
      '/api/v1/deployments/p/timeline/flow?step=3&domain=0&layer=1&microbatch=0&at=0000000000000000009',
      '/api/v1/deployments/p/timeline/stats?from=-5m&stages=gate%2Cexpert',
      '/api/v1/deployments/p/timeline/steps?at=0000000000000000005&direction=previous',
    ]);
  });
});

/** public/start.js is no module and cannot share code: here it is held to the code that it repeats. */
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { BLOCK_WORKERS } from '#app/_components/timeline/picture-workers.ts';
import { HEADER_PX } from '#app/_components/timeline/timeline-headers.tsx';
import { takeAhead } from '#lib/api/ahead.ts';
import { fetchDeployments } from '#lib/api/client.ts';
import { timelineTilePath } from '#lib/api/timeline-client.ts';
import { levelOf, TILE_PX, tileExtent, wantedTiles } from '#lib/view/timeline-tiles.ts';
import { parseTimeline } from '#lib/view/timeline-url.ts';

const SCRIPT = readFileSync(new URL('../../public/start.js', import.meta.url), 'utf8');
const LISTED = '/api/v1/deployments';
const RAIL_PX = 148;

interface Opened {
  readonly asked: string[];
  readonly dataset: Record<string, string>;
  readonly ahead: typeof globalThis.afdscopeAhead;
}

/** Runs the script as a page does that opens this link. */
async function open(
  link: string,
  { workers = 36, innerWidth = 1440, stored = {} as Record<string, string> } = {},
): Promise<Opened> {
  const { pathname, search } = new URL(link, 'http://page');
  const asked: string[] = [];
  const dataset: Record<string, string> = {};
  const groups = [{ workers: workers - 1 }, { workers: 1 }];
  const deployments = [
    { id: 'prod/a', groups, firstSeenUnixNs: '0', lastSeenUnixNs: '1795442410000000000' },
  ];
  const page: Record<string, unknown> = {
    document: {
      documentElement: { dataset },
      querySelector: () => ({ clientWidth: RAIL_PX }),
    },
    localStorage: { getItem: (name: string) => stored[name] ?? null },
    location: { pathname, search },
    innerWidth,
    performance,
    URLSearchParams,
    fetch: (path: string) => {
      asked.push(path);
      return Promise.resolve(Response.json({ deployments }));
    },
  };
  page.window = page;
  runInNewContext(SCRIPT, page);
  await new Promise((done) => setTimeout(done, 5));
  return { asked, dataset, ahead: page.afdscopeAhead as Opened['ahead'] };
}

afterEach(() => {
  globalThis.afdscopeAhead = undefined;
});

describe('the script that runs first', () => {
  test('the page has the theme and rail that were chosen', async () => {
    expect((await open('/')).dataset).toEqual({ theme: 'dark', rail: 'open' });
    const stored = { 'afdscope.theme': 'light', 'afdscope.rail': 'folded' };
    expect((await open('/', { stored })).dataset).toEqual({ theme: 'light', rail: 'folded' });
  });

  test('every page has its deployments asked for', async () => {
    expect((await open('/layers?d=prod%2Fa')).asked).toEqual([LISTED]);
  });

  test.each([
    ['1795442409812500000', '2000000', 1440],
    ['1795442409812500000.75', '2000000.5', 1024],
    ['1795442405000000000', '8000000000', 1440],
    ['1795442409787500001', '50000000', 2560],
    ['1795442409787500001', '16', 1440],
    ['500', '9007199254740992', 800],
  ])(
    'tiles of at=%s, span=%s, %d px are those that the picture wants',
    async (at, span, innerWidth) => {
      const link = `/timeline?d=prod%2Fa&at=${at}&span=${span}`;
      const view = parseTimeline(new URL(link, 'http://page').searchParams).viewport!;
      const level = levelOf(view, innerWidth - RAIL_PX - HEADER_PX);
      const wanted = wantedTiles(view, level).map((address) => {
        const { fromUnixNs, toUnixNs } = tileExtent(address);
        const window = { from: String(fromUnixNs), to: String(toUnixNs) };
        return timelineTilePath('prod/a', { ...window, bins: TILE_PX });
      });
      expect(wanted.length).toBeGreaterThan(0);
      expect((await open(link, { innerWidth })).asked).toEqual([LISTED, ...wanted]);
    },
  );

  test.each([
    '/timeline?d=prod%2Fa',
    '/timeline?d=prod%2Fa&tail=1&span=1000000',
    '/timeline?d=prod%2Fa&at=1795442409812500000&span=2000000&flayer=3',
    '/timeline?d=other&at=1795442409812500000&span=2000000',
    '/layers?d=prod%2Fa&at=1795442409812500000&span=2000000',
  ])('no tiles of %s', async (link) => {
    expect((await open(link)).asked).toEqual([LISTED]);
  });

  test.each([
    // Times that no clock can have are refused: an error that the page would not have caused.
    ['9999999999999999999', '2000000'],
    ['1795442410000000001', '2000000'],
  ])('no tiles of at=%s, span=%s, which is shown elsewhere', async (at, span) => {
    expect((await open(`/timeline?d=prod%2Fa&at=${at}&span=${span}`)).asked).toEqual([LISTED]);
  });

  test('rows that come in blocks are left to the page', async () => {
    const link = '/timeline?d=prod%2Fa&at=1795442409812500000&span=2000000';
    const tiles = async (workers: number) => (await open(link, { workers })).asked.length - 1;
    expect(await tiles(BLOCK_WORKERS)).toBeGreaterThan(0);
    expect(await tiles(BLOCK_WORKERS + 1)).toBe(0);
  });

  test('what was asked for is taken once, and only while it is fresh', async () => {
    const { ahead } = await open('/');
    globalThis.afdscopeAhead = ahead;
    expect(await (await takeAhead(LISTED)!).json()).toHaveProperty('deployments');
    expect(takeAhead(LISTED)).toBeNull();
    globalThis.afdscopeAhead = {
      [LISTED]: { askedMs: performance.now() - 60_000, response: Promise.resolve(new Response()) },
    };
    expect(takeAhead(LISTED)).toBeNull();
  });

  test('the client takes the answer instead of asking again', async () => {
    globalThis.afdscopeAhead = {
      [LISTED]: {
        askedMs: performance.now(),
        response: Promise.resolve(Response.json({ deployments: [] })),
      },
    };
    // Nobody serves this page: a question of its own would fail.
    expect(await fetchDeployments()).toEqual({ deployments: [] });
  });
});

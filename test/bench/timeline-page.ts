/**
 * The timeline page in headless Chromium over a store of 10 million events: time to the first picture,
 * of a server that nobody has visited yet and of one that somebody has, and script a frame while
 * panning and zooming. The browser draws in software there, which is not script.
 *
 *     npx node test/bench/timeline-page.ts [--events 10000000] [--rate 530000] [--frames 48] [--json]
 *
 * Each line is printed to stderr when it is known. Targets: 4 ms of script a frame (95th percentile)
 * while panning, a first picture in 1 s.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { launchBrowser, visit } from '#test/e2e/browser.ts';
import { type Product, startProduct } from '#test/e2e/product.ts';
import {
  type BenchRow,
  type BenchSection,
  printBench,
  wantsJson,
} from '#test/support/bench/bench-report.ts';
import { type FilledStore, fillStore } from '#test/support/bench/fill-store.ts';
import { scriptFrames } from '#test/support/bench/script-frames.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    rate: { type: 'string', default: '530000' },
    frames: { type: 'string', default: '48' },
    json: { type: 'boolean', default: false },
  },
});
const FRAME_MS = 4;
const FIRST_MS = 1_000;
/** Single layers, some steps, most of what is kept. */
const SPANS_NS = [2e6, 50e6, 8e9] as const;
const FRAME_APART_MS = 17;
/** Whoever comes first comes some seconds after the start. */
const BEFORE_FIRST_VISIT_MS = 4_000;
const SURFACE = '[data-testid="timeline-surface"]';
const frames = Number(values.frames);

interface Run {
  readonly browser: Browser;
  readonly product: Product;
  readonly store: FilledStore;
  readonly add: (name: string, value: BenchRow['value'], unit?: string) => void;
}

// The store is of a fixed day: a real one of that age would be swept.
process.env.AFDSCOPE_RETENTION_RAW = '3650d';
const folder = await mkdtemp(join(tmpdir(), 'afdscope-bench-'));
const browser = await launchBrowser();
const rows: BenchRow[] = [];
const failures: string[] = [];
try {
  const writer = await openTelemetryWriter({ data: folder });
  const store = await fillStore(writer, {
    events: Number(values.events),
    eventsPerSecond: Number(values.rate),
  });
  await writer.close();
  add('events stored', store.events);
  add('workers', store.workers.length);
  await measureAll(store);
  add('load of the machine, last minute', loadavg()[0]!);
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
const section: BenchSection = { title: 'Timeline page', rows, failures };
printBench('timeline-page', [section], wantsJson());

function add(name: string, value: BenchRow['value'], unit?: string): void {
  rows.push({ name, value, ...(unit === undefined ? {} : { unit }) });
  const text =
    typeof value === 'number' ? Number(value.toPrecision(4)).toLocaleString('en') : value;
  console.error(`${name}: ${text} ${unit ?? ''}`.trimEnd());
}

/** One server: the first visit of the first span is the first that it has. */
async function measureAll(store: FilledStore): Promise<void> {
  const product = await startProduct('up', (data) => cp(folder, data, { recursive: true }));
  const run: Run = { browser, product, store, add };
  try {
    await sleep(BEFORE_FIRST_VISIT_MS);
    const first = await open(run, SPANS_NS[0], '');
    await tellFirst(first.page, `${nameOf(SPANS_NS[0])}, first visit of the server`);
    await first.context.close();
    for (const spanNs of SPANS_NS) {
      for (const visitor of ['second', 'third']) {
        const { page, context } = await open(run, spanNs, '');
        await tellFirst(page, `${nameOf(spanNs)}, ${visitor} visit`);
        if (visitor === 'third') await measureMoves(run, page, nameOf(spanNs));
        await context.close();
      }
    }
    const { page, context } = await open(run, SPANS_NS[1], '&renderer=2d');
    await measureMoves(run, page, `${nameOf(SPANS_NS[1])}, Canvas2D`);
    await context.close();
  } finally {
    await product.stop();
  }
}

function nameOf(spanNs: number): string {
  return `span ${spanNs / 1e6} ms`;
}

async function tellFirst(page: Page, name: string): Promise<void> {
  const firstMs = await page.evaluate(
    () => performance.getEntriesByName('timeline-first-picture')[0]?.startTime,
  );
  add(`${name}: first picture after`, firstMs ?? null, 'ms');
  if (firstMs === undefined || firstMs > FIRST_MS) {
    fail(`${name}: the first picture took over ${FIRST_MS} ms`);
  }
}

function fail(text: string): void {
  failures.push(text);
  console.error(`FAILED: ${text}`);
}

async function open(
  { product, store, browser: chromium }: Run,
  spanNs: number,
  more: string,
): Promise<{ readonly page: Page; readonly context: BrowserContext }> {
  const { page, context } = await visit(chromium, 'dark', { width: 1440, height: 900 });
  const at = (store.fromUnixNs + store.toUnixNs) / 2n - BigInt(spanNs / 2);
  const link = `/timeline?d=${store.deployment}&at=${at}&span=${spanNs}${more}`;
  await page.goto(product.web + link);
  await ready(page);
  return { page, context };
}

async function measureMoves(run: Run, page: Page, name: string): Promise<void> {
  const hand = await handOn(page);
  // Once over the way before, so that its tiles are there: panning then only draws.
  await pan(hand, frames);
  await ready(page);
  const panned = await scriptFrames(run.browser, page, () => pan(hand, frames));
  figures(run, `${name}: panning`, panned);
  if (quantile(panned, 0.95) > FRAME_MS) {
    fail(`${name}: p95 of script a frame over ${FRAME_MS} ms while panning`);
  }
  const zoomed = await scriptFrames(run.browser, page, () => zoom(hand, frames / 2));
  figures(run, `${name}: zooming`, zoomed);
}

/** Nothing is asked for any more, and something is drawn. */
async function ready(page: Page): Promise<void> {
  await page.waitForSelector(`${SURFACE}[data-loading="0"]:not([data-detail=""])`, {
    timeout: 60_000,
  });
  await page.waitForTimeout(500);
}

/** Events as the browser gets them from a hand: the driver's own mouse runs script in the page. */
interface Hand {
  readonly box: { readonly x: number; readonly y: number; readonly width: number };
  readonly send: (type: string, x: number, more?: object) => Promise<void>;
}

async function handOn(page: Page): Promise<Hand> {
  const { x, y, width, height } = (await page.locator(SURFACE).boundingBox())!;
  const session = await page.context().newCDPSession(page);
  const middle = y + height / 2;
  return {
    box: { x, y, width },
    send: async (type, at, more = {}) => {
      await session.send('Input.dispatchMouseEvent', {
        type: type as 'mouseMoved',
        x: at,
        y: middle,
        ...more,
      });
    },
  };
}

/** Drags the picture to one side and back, a move a frame. */
async function pan({ box, send }: Hand, count: number): Promise<void> {
  const middle = box.x + box.width / 2;
  await send('mouseMoved', middle);
  const pressed = { button: 'left', buttons: 1, clickCount: 1 };
  await send('mousePressed', middle, pressed);
  for (let i = 0; i < count; i++) {
    const x = box.x + box.width * (0.5 + 0.35 * Math.sin((i / count) * Math.PI * 4));
    await send('mouseMoved', x, pressed);
    await sleep(FRAME_APART_MS);
  }
  await send('mouseReleased', middle, pressed);
}

async function zoom({ box, send }: Hand, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const deltaY = i < count / 2 ? -40 : 40;
    await send('mouseWheel', box.x + box.width / 2, { deltaX: 0, deltaY });
    await sleep(FRAME_APART_MS);
  }
}

function quantile(list: readonly number[], share: number): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function figures(run: Run, name: string, list: readonly number[]): void {
  run.add(`${name}: frames`, list.length);
  run.add(`${name}: script a frame, p50`, quantile(list, 0.5), 'ms');
  run.add(`${name}: script a frame, p95`, quantile(list, 0.95), 'ms');
}

/** Marks above the timeline's axis: requests over OTLP on one side, what the page says on the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchTimelineTile } from '#lib/api/timeline-client.ts';
import type { TimelineMark } from '#lib/api/timeline-tile.ts';
import { NS_PER_MS, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { CHROMIUM, launchBrowser, namelessControls, overflowing, SIZES, visit } from './browser.ts';
import { type Product, startProduct } from './product.ts';
import { drawn, FOUND, SOON } from './timeline-page.ts';

const DEPLOYMENT = 'prod';
/** Whole seconds around which everything happens. */
const BASE_S = Math.floor(Date.now() / 1000) - 2;
const BASE = BigInt(BASE_S) * BigInt(NS_PER_S);
/** Sums are closed five seconds at a time, when events are there that are 10 s newer. */
const LIVE_MS = 20_000;

const WORKERS = [
  testWorker(0, { deployment: DEPLOYMENT }),
  testWorker(0, { deployment: DEPLOYMENT, role: 'ffn', group: 'ffn' }),
];

/** One step of both workers, `atNs` after the base. */
function stepBody(atNs: number, step: number): Uint8Array {
  const builder = new EventTableBuilder(unixNanos(BASE), WORKERS);
  for (let worker = 0; worker < WORKERS.length; worker++) {
    const startNs = Math.round(atNs) + worker * NS_PER_MS;
    builder.add({ startNs, durationNs: NS_PER_MS, worker, stage: 0, kind: 0, step, layer: 0 });
  }
  return encodeTracesProtobuf(builder.finish());
}

/** A span of a service that says no role, or of a worker whose step is no number. */
function badSpan(second: number, attributes: readonly (readonly [string, string])[]): string {
  const listed = [['afd.deployment', DEPLOYMENT], ...attributes].map(([key, value]) => ({
    key,
    value: { stringValue: value },
  }));
  const start = BASE + BigInt(second) * BigInt(NS_PER_S);
  const span = {
    name: 'attention',
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 1000n),
    attributes: [],
  };
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: listed }, scopeSpans: [{ spans: [span] }] }],
  });
}

describe.skipIf(CHROMIUM === null)('marks of the timeline', () => {
  let product: Product;
  let browser: Browser;
  /** Long before the newest. */
  let lateNs = 0;

  beforeAll(async () => {
    product = await startProduct('up');
    browser = await launchBrowser();
    const startedMs = performance.now();
    const firstNs = (Date.now() - BASE_S * 1000) * NS_PER_MS;
    let step = 0;
    for (; performance.now() - startedMs < LIVE_MS; step++) {
      await post(stepBody(firstNs + (performance.now() - startedMs) * NS_PER_MS, step));
      await sleep(100);
    }
    lateNs = firstNs + 2 * NS_PER_S;
    // A request that comes twice.
    const twice = stepBody(firstNs + 4 * NS_PER_S, 100_001);
    await post(twice);
    await post(twice);
    const second = Math.floor(firstNs / NS_PER_S) + 6;
    await post(badSpan(second, []));
    await post(
      badSpan(second, [
        ['afd.role', 'attention'],
        ['afd.rank', 'first'],
      ]),
    );
  }, 420_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  async function post(body: Uint8Array | string): Promise<void> {
    const type = typeof body === 'string' ? 'application/json' : 'application/x-protobuf';
    const response = await fetch(`${product.runtime.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
    expect(response.status, await response.text()).toBe(200);
  }

  /** Short enough for marks by the second. */
  const span = { from: String(BASE), to: String(BASE + 90n * BigInt(NS_PER_S)) };
  async function marks(): Promise<readonly TimelineMark[]> {
    const { header } = await fetchTimelineTile(DEPLOYMENT, span, { baseUrl: product.web });
    return header.marks.filter(({ row }) => row === -1);
  }
  /** Events by kind. */
  async function counts(): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { kind, events } of await marks()) sums[kind] = (sums[kind] ?? 0) + events;
    return sums;
  }

  let lateStep = 100_100;
  /**
   * Sends another step of a time whose sums should be closed by now, until one was late. On a slow
   * machine others are late as well, at other times.
   */
  async function lateEvents(): Promise<number> {
    const lateUnixNs = BASE + BigInt(Math.round(lateNs));
    let late = 0;
    for (const { kind, events, fromUnixNs, toUnixNs } of await marks()) {
      const isThen = BigInt(fromUnixNs) <= lateUnixNs && lateUnixNs < BigInt(toUnixNs);
      if (kind === 'late' && isThen) late += events;
    }
    if (late < 2) {
      await post(stepBody(lateNs, lateStep++));
      await sleep(1_000);
    }
    return late;
  }

  test('the API tells what came late, twice and was refused, and when', async () => {
    await expect.poll(counts, FOUND).toMatchObject({ rejected: 2, duplicate: 2 });
    await expect.poll(lateEvents, FOUND).toBeGreaterThanOrEqual(2);
    const refused = (await marks()).filter(({ kind }) => kind === 'rejected');
    expect(refused.flatMap(({ reasons }) => Object.keys(reasons ?? {})).sort()).toEqual([
      'bad_attribute',
      'no_role',
    ]);
    for (const { fromUnixNs, toUnixNs } of await marks()) {
      expect(BigInt(toUnixNs) - BigInt(fromUnixNs)).toBeGreaterThanOrEqual(BigInt(NS_PER_S));
      expect(BigInt(fromUnixNs)).toBeGreaterThanOrEqual(BASE);
    }
  });

  test.each(['dark', 'light'] as const)('the page shows them in words: %s', async (theme) => {
    await expect.poll(lateEvents, FOUND).toBeGreaterThanOrEqual(2);
    const { page, context, complaints } = await visit(browser, theme, SIZES[1]);
    // Close enough for each second to have a place of its own.
    const first = (await marks()).reduce(
      (least, { fromUnixNs }) => (BigInt(fromUnixNs) < least ? BigInt(fromUnixNs) : least),
      BigInt(span.to),
    );
    const at = first - BigInt(NS_PER_S);
    await page.goto(`${product.web}/timeline?d=${DEPLOYMENT}&at=${at}&span=${10 * NS_PER_S}`);
    await drawn(page);
    const lane = page.getByTestId('marks-lane');
    await lane.waitFor(FOUND);
    const places = lane.getByRole('button');
    await expect.poll(() => places.count(), SOON).toBeGreaterThanOrEqual(3);
    const names = (): Promise<string> =>
      places.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')).join('\n'));
    await expect.poll(names, SOON).toMatch(/Late: \d+ events? /);
    await expect.poll(names, SOON).toMatch(/Duplicate: 2 events came again/);
    await expect.poll(names, SOON).toMatch(/Refused: .*no usable afd\.role/);
    // On hover, and by the keyboard: one stop of Tab, arrows from place to place.
    const tooltip = page.getByTestId('mark-tooltip');
    await places.first().hover();
    await tooltip.waitFor(SOON);
    await page.mouse.move(600, 500);
    await tooltip.waitFor({ state: 'detached', ...SOON });
    await places.first().focus();
    await expect.poll(() => tooltip.innerText(), SOON).not.toBe('');
    const before = await tooltip.innerText();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => tooltip.innerText(), SOON).not.toBe(before);
    expect(await lane.locator('button[tabindex="0"]').count()).toBe(1);
    await page.keyboard.press('Enter');
    const list = page.getByTestId('marks-list');
    await list.waitFor(SOON);
    await expect.poll(() => list.getByRole('button').count(), SOON).toBeGreaterThanOrEqual(1);
    expect(await overflowing(page)).toEqual([]);
    expect(await namelessControls(page)).toEqual([]);
    // They are an overlay like the others.
    await page.keyboard.press('m');
    await lane.waitFor({ state: 'detached', ...SOON });
    expect(complaints).toEqual([]);
    await context.close();
  });
});

/** The Compare page of the running product: a worker becomes slow, and the page says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareSchema } from '#lib/api/compare.ts';
import {
  CHROMIUM,
  launchBrowser,
  namelessControls,
  overflowing,
  SIZES,
  THEMES,
  visit,
} from './browser.ts';
import { type Product, startProduct } from './product.ts';

const DATA_TIMEOUT_MS = 60_000;
const SOON = { timeout: 30_000 };
/** Of each side. */
const WINDOW_MS = 6_000;
/** Events are stored and a fault is in force so much later. */
const SETTLE_MS = 4_000;

describe.skipIf(CHROMIUM === null)('compare', () => {
  let product: Product;
  let browser: Browser;
  let search: string;

  beforeAll(async () => {
    product = await startProduct('demo');
    browser = await launchBrowser();
    await sleep(SETTLE_MS + WINDOW_MS);
    const beforeMs = Date.now();
    await product.setFaults({ slowRank: { role: 'ffn', rank: 2, factor: 1.3 } });
    await sleep(2 * SETTLE_MS + WINDOW_MS);
    const afterMs = Date.now() - SETTLE_MS;
    const at = (ms: number): string => new Date(ms).toISOString();
    search = String(
      new URLSearchParams({
        a: 'demo',
        'a.from': at(beforeMs - WINDOW_MS),
        'a.to': at(beforeMs),
        b: 'demo',
        'b.from': at(afterMs - WINDOW_MS),
        'b.to': at(afterMs),
      }),
    );
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  async function openCompare(page: Page, query = search): Promise<void> {
    await page.goto(`${product.web}/compare?${query}`);
    await page.waitForSelector('[data-testid="compare-verdict"]', { timeout: DATA_TIMEOUT_MS });
  }

  const verdict = (page: Page): Promise<string | null> =>
    page.getByTestId('compare-verdict').textContent();

  test('the API answers its contract, and refuses with the name of the parameter', async () => {
    const answer = await fetch(`${product.web}/api/v1/compare?${search}`);
    expect(compareSchema.parse(await answer.json()).verdict.direction).toBe('slower');
    const wrong = await fetch(`${product.web}/api/v1/compare?a=demo&b.to=late`);
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ parameter: 'b.to' });
    const unknown = await fetch(`${product.web}/api/v1/compare?a=demo&b=nobody`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ parameter: 'b' });
  });

  describe.each(THEMES)('%s', (theme) => {
    test.each(SIZES)('every panel at $width x $height', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await openCompare(page);
      await expect.poll(() => page.title(), SOON).toBe('Compare · afdscope');
      expect(await verdict(page)).toMatch(/Slower.*experts of layers .* longer on ffn\/2/);
      expect(await page.getByTestId('compare-changes').locator('li').first().textContent()).toMatch(
        /Experts .* on ffn\/2/,
      );
      const step = page.locator('[data-figure="stepNs"]');
      expect(await step.textContent()).toMatch(/▲ \+[\d.]+ ms.*worse, very sure/);
      const map = page.getByTestId('compare-map-difference');
      expect(Number(await map.getAttribute('data-cells'))).toBeGreaterThan(400);
      expect(Number(await map.getAttribute('data-outliers'))).toBeGreaterThan(30);
      expect(await page.getByTestId('side-a').textContent()).toMatch(/8A4F/);
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    });
  });

  test('swapping, the window before, only what differs: in the URL, and back with it', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[0]);
    await openCompare(page);
    await page.getByRole('button', { name: 'Swap A and B' }).click();
    await expect.poll(() => verdict(page), SOON).toMatch(/Faster/);
    const rows = page.locator('[data-figure]');
    const all = await rows.count();
    // Its state comes back from the URL, a moment later than check() would look for it.
    await page.getByRole('checkbox', { name: 'only those that differ' }).click();
    await expect.poll(() => rows.count(), SOON).toBeLessThan(all);
    await expect.poll(() => new URL(page.url()).searchParams.get('differs'), SOON).toBe('1');
    await page.reload();
    await page.waitForSelector('[data-testid="compare-verdict"]', { timeout: DATA_TIMEOUT_MS });
    await expect.poll(() => verdict(page), SOON).toMatch(/Faster/);
    await expect.poll(() => rows.count(), SOON).toBeLessThan(all);
    await page.getByRole('button', { name: 'the window before B' }).click();
    await page.waitForURL((url) => url.searchParams.get('a.to') === url.searchParams.get('b.from'));
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a wrong time is said at its field; a window without steps is said in words', async () => {
    const { page, context } = await visit(browser, 'light', SIZES[1]);
    await openCompare(page);
    const start = page.getByRole('textbox', { name: 'Start of A' });
    await start.fill('soon');
    await start.press('Enter');
    await expect.poll(() => start.getAttribute('aria-invalid'), SOON).toBe('true');
    const said = page.getByRole('alert').filter({ hasText: '"soon" is not a time' });
    await expect.poll(() => said.count(), SOON).toBe(1);
    await openCompare(page, 'a=demo&a.from=2020-01-01T00:00:00Z&a.to=2020-01-01T00:01:00Z');
    expect(await verdict(page)).toMatch(/Nothing can be compared: no whole step of A/);
    await context.close();
  });

  test('keys: g c opens the page, arrows read the map', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await openCompare(page);
    const map = page.getByRole('slider', { name: /Stages by layer, B against A/ });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    expect(await map.getAttribute('aria-valuetext')).not.toBe('no cell');
    await page.goto(`${product.web}/health`);
    await page.waitForSelector('nav[aria-label="Pages"]');
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForURL((url) => url.pathname === '/compare');
    await context.close();
  });
});

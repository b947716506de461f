/** Stragglers, Experts and Layers of the running product, over a simulated cluster that is broken. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import {
  CHROMIUM,
  inkOf,
  launchBrowser,
  namelessControls,
  overflowing,
  pixelsOf,
  SIZES,
  visit,
} from './browser.ts';
import { type Product, startProduct } from './product.ts';

/** Faults take hold, fill the window and are asked about, on a loaded machine. */
const FOUND = { timeout: 90_000 };
const SOON = { timeout: 20_000 };

describe.skipIf(CHROMIUM === null)('culprits', () => {
  let product: Product;
  let browser: Browser;

  beforeAll(async () => {
    product = await startProduct('demo');
    browser = await launchBrowser();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  /** Text of a part of the page, '' while it is not there. */
  const textOf = async (page: Page, id: string): Promise<string> =>
    (await page.getByTestId(id).allTextContents()).join('\n');

  test('healthy: nobody is slow; the keys lead to the pages and the help names them', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await page.goto(product.web);
    await page.waitForSelector('[data-testid="group-cards"] article', FOUND);
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.waitForURL(/\/stragglers$/);
    await expect.poll(() => page.title(), FOUND).toBe('Stragglers · afdscope');
    await expect
      .poll(() => textOf(page, 'nobody-slow'), FOUND)
      .toMatch(/8 attention \+ 4 ffn workers, \d+ windows? of .* nobody over 3/);
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    await page.waitForURL(/\/experts$/);
    await page.getByTestId('expert-map').waitFor(FOUND);
    await expect.poll(() => page.title(), FOUND).toBe('Experts · afdscope');
    await page.keyboard.press('?');
    expect(await page.locator('[role="dialog"]').textContent()).toMatch(
      /Go to Stragglers.*Go to Experts.*Matrix: move the cell/,
    );
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a slow device is named with its remedy, and everyone waits for it', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[0]);
    await product.setFaults({ slowRank: { role: 'ffn', rank: 2, factor: 1.3 } });
    await page.goto(`${product.web}/stragglers`);
    await expect
      .poll(() => textOf(page, 'ranking'), FOUND)
      .toMatch(/ffn\/2expertslow compute.*→ device:/);
    const matrix = page.getByTestId('waits-attention-ffn');
    await matrix.waitFor(FOUND);
    expect(await matrix.getAttribute('data-cells')).toBe('32');
    // The first answer may be of a few steps only, some from before the fault.
    await expect.poll(() => matrix.getAttribute('data-outliers'), FOUND).toBe('8');
    for (const id of ['waits-attention-ffn', 'waits-ffn-attention', 'score-matrix']) {
      expect(await inkOf(page, `[data-testid="${id}"]`), id).toBeGreaterThan(2_000);
    }
    expect(await overflowing(page)).toEqual([]);
    expect(await namelessControls(page)).toEqual([]);

    // A cell tells its causes; Enter marks the culprit, in the URL too.
    const slider = page.getByRole('slider', { name: /^Attention waited because of FFN/ });
    await slider.focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await expect
      .poll(() => slider.getAttribute('aria-valuetext'), SOON)
      .toMatch(/^attention\/0, ffn\/2: [\d.]+ ms$/);
    const panel = page.getByRole('region', { name: 'Attention waited because of FFN' });
    await expect.poll(() => panel.textContent(), SOON).toMatch(/device excess \d+ %/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/worker=ffn%2F2/);
    await page.getByRole('combobox', { name: /^Cause/ }).selectOption('deviceExcessNs');
    await page.waitForURL(/cause=deviceExcessNs/);
    await expect.poll(() => panel.textContent(), SOON).toMatch(/device excess, per step/);

    // Since when leads to that time on the Overview.
    const since = page.locator('[data-worker="ffn/2"] a[href*="strip"]').first();
    expect(await since.getAttribute('href')).toMatch(/^\/\?.*from=20.*&to=20.*#strip$/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('long contexts are the router’s; a hot expert is named by rank and layers', async () => {
    const { page, context, complaints } = await visit(browser, 'light', SIZES[1]);
    await product.setFaults({
      longContext: { rank: 5, factor: 1.6 },
      hotExpert: { rank: 1, factor: 2, fromLayer: 20, toLayer: 30 },
    });
    await page.goto(`${product.web}/stragglers`);
    await expect
      .poll(() => textOf(page, 'ranking'), FOUND)
      .toMatch(/attention\/5attention.*→ request router:/);
    expect(await overflowing(page)).toEqual([]);
    await page.goto(`${product.web}/experts`);
    await expect.poll(() => textOf(page, 'hottest'), FOUND).toMatch(/ffn\/1(2\d|30)/);
    const map = page.getByTestId('expert-map');
    await expect.poll(() => map.getAttribute('data-outliers'), FOUND).toBe('11');
    expect(await map.getAttribute('data-cells')).toBe(String(4 * 58));
    const headline = await page.getByTestId('expert-headline').textContent();
    expect(headline).toMatch(/worst [\d.]+ × in L(2\d|30).*load explains the time/);
    expect(await inkOf(page, '[data-testid="expert-scatter"]')).toBeGreaterThan(300);
    expect(await overflowing(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('layers: stacks, causes, critical path, what the first MoE layer costs', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await product.setFaults({});
    await page.goto(`${product.web}/layers`);
    const stack = '[data-testid="layer-stack"]';
    await page.locator(stack).waitFor(FOUND);
    expect(await pixelsOf(page, stack, STAGE_COLOURS.attention)).toBeGreaterThan(5_000);
    expect(await pixelsOf(page, stack, STAGE_COLOURS.expert)).toBeGreaterThan(5_000);
    await expect
      .poll(() => page.locator('tr[data-layer="30"]').textContent(), FOUND)
      .toMatch(/-bound\d\.\d %$/);
    await page.getByRole('button', { name: 'Waiting' }).click();
    await expect
      .poll(() => textOf(page, 'layer-findings'), SOON)
      .toMatch(/First MoE layer, 3: FFN workers wait [\d.]+ ms .*fill and drain/);
    const slider = page.getByRole('slider', { name: /^Causes of waiting of 61 layers/ });
    await slider.focus();
    await page.keyboard.press('End');
    await expect.poll(() => slider.getAttribute('aria-valuetext'), SOON).toMatch(/^layer 60: /);
    await page.keyboard.press('Enter');
    await page.waitForURL(/layer=60/);
    expect(await overflowing(page)).toEqual([]);
    expect(await namelessControls(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a hung rank: first fault and chain while it hangs, and afterwards', async () => {
    const { page, context, complaints } = await visit(browser, 'light', SIZES[1]);
    await page.goto(`${product.web}/stragglers`);
    await page.getByTestId('nobody-slow').or(page.getByTestId('ranking')).waitFor(FOUND);
    await product.setFaults({ hungRank: { role: 'ffn', rank: 3 } });
    await expect
      .poll(() => textOf(page, 'hang-panel'), FOUND)
      .toMatch(/ffn\/3 hangs since .*11 workers wait for it/);
    expect(await textOf(page, 'hang-chain')).toMatch(/^ffn\/3 · first fault.*attention\/0–7/);
    const rows = await page.getByTestId('hang-workers').locator('tbody tr').allTextContents();
    expect(rows[0]).toMatch(/^ffn\/3 · first faultstep [\d,]+, a2f_recv/);
    expect(await overflowing(page)).toEqual([]);
    await product.setFaults({});
    await expect.poll(() => textOf(page, 'hang-panel'), FOUND).toMatch(/ffn\/3 hung at /);
    expect(complaints).toEqual([]);
    await context.close();
  });
});

/** The Balance page of the running product, and a verdict that names who is slow. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem } from '#lib/api/problem.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import {
  CHROMIUM,
  launchBrowser,
  namelessControls,
  overflowing,
  SIZES,
  THEMES,
  visit,
} from './browser.ts';
import { gpuReport } from './gpu-report.ts';
import { type Product, startProduct } from './product.ts';

const DATA_TIMEOUT_MS = 60_000;
/** Polls give a loaded machine time. */
const SOON = { timeout: 20_000 };

describe.skipIf(CHROMIUM === null)('balance', () => {
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

  async function openBalance(page: Page, search = ''): Promise<void> {
    await page.goto(`${product.web}/balance${search}`);
    const options = { timeout: DATA_TIMEOUT_MS };
    await page.waitForSelector('[data-testid="period-terms"]', options);
    await page.waitForSelector('[data-testid="whatif-table"]', options);
  }

  describe.each(THEMES)('%s', (theme) => {
    test.each(SIZES)('every panel at $width x $height', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await openBalance(page);
      await expect
        .poll(() => page.title(), { timeout: DATA_TIMEOUT_MS })
        .toBe('Balance · afdscope');
      const marks = page.locator('[data-testid="gauge"] [role="img"]');
      expect(await marks.count()).toBe(2);
      expect(await marks.last().getAttribute('aria-label')).toMatch(/^Ea \/ Ef \d/);
      const widths = await barWidths(page, '[data-testid="period-terms"] td [aria-hidden] > div');
      expect(widths.length).toBeGreaterThanOrEqual(6);
      for (const width of widths) expect(width).toBeGreaterThan(3);
      const terms = await page.getByTestId('period-terms').textContent();
      expect(terms?.match(/bound/g)).toHaveLength(1);
      expect(await page.getByTestId('side-attention').textContent()).toMatch(/compute\d/);
      expect(await page.getByTestId('whatif-baseline').textContent()).toMatch(
        /reproduces the measurement: \d+ steps?, measured [\d.]+ ms, replayed [\d.]+ ms, error/,
      );
      await page.waitForSelector('[data-testid="path-layers"] a');
      expect(await page.locator('[data-testid="path-layers"] a').count()).toBe(61);
      expect(await page.getByTestId('critical-path').textContent()).toMatch(/attention[\d.]+ %/);
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    });
  });

  test('changes go into the URL, are answered, come back with it, and are reset', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[0]);
    await openBalance(page);
    await page.getByRole('button', { name: 'More: Micro-batches' }).click();
    await page.getByRole('button', { name: 'More: Attention workers' }).click();
    await page.getByRole('button', { name: 'More: Attention workers' }).click();
    await page.waitForURL(
      (url) => url.searchParams.getAll('set').join() === 'ratio=10A4F,microbatches=4',
    );
    await expect
      .poll(() => page.getByTestId('whatif-changes').textContent(), SOON)
      .toMatch(/10A4F instead of 8A4F.*4 micro-batches instead of 3/);
    expect(await page.getByTestId('whatif-table').textContent()).toMatch(/10A4F, m = 4/);
    expect(await page.getByTestId('whatif-gain').textContent()).toMatch(/^[+−±][\d.]+ %$/);

    await page.reload();
    await page.waitForSelector('[data-testid="whatif-table"]', { timeout: DATA_TIMEOUT_MS });
    expect(await page.getByRole('textbox', { name: 'Attention workers' }).inputValue()).toBe('10');
    await page.getByTestId('whatif-reset').click();
    await page.waitForURL((url) => !url.searchParams.has('set'));
    await expect
      .poll(() => page.getByTestId('whatif-changes').textContent(), SOON)
      .toMatch(/No change yet/);
    await page.goBack();
    await expect
      .poll(() => page.getByRole('textbox', { name: 'Attention workers' }).inputValue(), SOON)
      .toBe('10');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('an advice has its interval and its assumptions, and can be tried', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await product.setFaults({ scenario: 'ffn-bound' });
    try {
      await page.goto(`${product.web}/balance`);
      const advice = page.getByTestId('advice');
      await expect
        .poll(() => advice.textContent(), { timeout: 60_000 })
        .toMatch(/\dA\dF instead of 8A4F\+[\d.]+ %.*Assumes: /);
      const marks = await advice
        .locator('[role="img"]')
        .evaluateAll((found) => found.map((mark) => mark.getAttribute('aria-label')));
      for (const mark of marks) expect(mark).toMatch(/: \+[\d.]+ %, nine times in ten \+/);
      expect(await overflowing(page)).toEqual([]);
      await page
        .getByRole('button', { name: /^Try \dA\dF instead of 8A4F/ })
        .first()
        .click();
      await page.waitForURL((url) => /^ratio=\dA\dF$/.test(url.searchParams.get('set') ?? ''));
      await expect
        .poll(() => page.getByTestId('whatif-gain').textContent(), SOON)
        .toMatch(/^\+[\d.]+ %$/);
    } finally {
      await product.setFaults({ scenario: 'healthy' });
    }
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('by keyboard alone: the page, a slider, a stepper, a worker', async () => {
    const { page, context } = await visit(browser, 'light', SIZES[1]);
    await page.goto(product.web);
    await page.waitForSelector('[data-testid="verdict"]', { timeout: DATA_TIMEOUT_MS });
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.waitForURL(/\/balance$/);
    await page.waitForSelector('[data-testid="whatif-table"]', { timeout: DATA_TIMEOUT_MS });
    await page.getByRole('slider', { name: 'Transfer times' }).focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
    await page.waitForURL((url) => url.searchParams.get('set') === 'network=0.87');
    await page.getByRole('textbox', { name: 'Micro-batches' }).focus();
    await page.keyboard.press('ArrowUp');
    await page.waitForURL((url) => url.searchParams.getAll('set').includes('microbatches=4'));
    await page.getByRole('combobox', { name: /^Worker that becomes/ }).selectOption('ffn/1');
    await page.waitForURL((url) => url.searchParams.getAll('set').includes('fix=ffn/1'));
    await page.getByRole('button', { name: 'Remove: ffn/1 as the median' }).press('Enter');
    await page.waitForURL((url) => !url.searchParams.getAll('set').includes('fix=ffn/1'));
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });

  test('numbers can be typed digit by digit; what is none changes nothing', async () => {
    const { page, context, complaints } = await visit(browser, 'light', SIZES[1]);
    await openBalance(page);
    const attention = page.getByRole('textbox', { name: 'Attention workers' });
    await attention.click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.press('Backspace');
    expect(await attention.inputValue()).toBe('');
    expect(await attention.getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.type('16');
    await page.waitForURL((url) => /^ratio=16A\dF$/.test(url.searchParams.get('set') ?? ''));
    const network = page.getByRole('textbox', { name: 'Transfer times, times' });
    await network.click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('0.5');
    expect(await network.inputValue()).toBe('0.5');
    await page.waitForURL((url) => url.searchParams.getAll('set').includes('network=0.5'));
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('99');
    expect(await network.getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.press('Tab');
    expect(await network.inputValue()).toMatch(/^(0\.5|9)$/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a change that cannot be read is answered by what is wrong with it', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await page.goto(`${product.web}/balance?set=ratio%3Dnonsense`);
    const alert = page.getByTestId('whatif-problem');
    await alert.waitFor({ timeout: DATA_TIMEOUT_MS });
    expect(await alert.textContent()).toContain('ratio=nonsense');
    // The rest of the page stands.
    expect(await page.getByTestId('period-terms').count()).toBe(1);
    await page.getByTestId('whatif-reset').click();
    await page.waitForSelector('[data-testid="whatif-table"]', { timeout: DATA_TIMEOUT_MS });
    await context.close();
  });

  test('a newer question cancels the one before', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await openBalance(page);
    const cancelled: string[] = [];
    page.on('requestfailed', (request) => cancelled.push(request.url()));
    await page.route('**/whatif?*microbatches*5', async (route) => {
      await new Promise((done) => setTimeout(done, 4_000));
      await route.continue().catch(() => {});
    });
    const more = page.getByRole('button', { name: 'More: Micro-batches' });
    await more.click();
    await more.click();
    await page.waitForRequest(/microbatches%3D5/);
    await more.click();
    await expect
      .poll(() => cancelled.some((url) => url.includes('microbatches%3D5')), SOON)
      .toBe(true);
    await expect
      .poll(() => page.getByTestId('whatif-changes').textContent(), SOON)
      .toMatch(/6 micro-batches instead of 3/);
    await context.close();
  });

  test('without steps, and while the answer does not come, the page says so', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await page.goto(
      `${product.web}/balance?from=2026-01-01T00%3A00%3A00Z&to=2026-01-01T00%3A01%3A00Z`,
    );
    await page.getByText('No steps in this window.').waitFor({ timeout: DATA_TIMEOUT_MS });
    expect(await overflowing(page)).toEqual([]);

    const refusal = problem('timeout', 'The query took over 10 s. Choose a shorter window.');
    await page.route('**/report?*', (route) =>
      route.fulfill({ status: refusal.status, json: refusal }),
    );
    await page.goto(`${product.web}/balance?range=15m`);
    await page.getByText(refusal.detail).waitFor();
    await page.unroute('**/report?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForSelector('[data-testid="period-terms"]', { timeout: DATA_TIMEOUT_MS });
    await context.close();
  });

  test.each(SIZES)('utilization of a GPU that is known, at $width x $height', async (size) => {
    const { page, context, complaints } = await visit(browser, 'light', size);
    const json = gpuReport('deepseek-ai/DeepSeek-V3.2', 'NVIDIA H800');
    await page.route('**/report?*', (route) => route.fulfill({ json }));
    await page.goto(`${product.web}/balance?range=5m`);
    await page.waitForSelector('[data-testid="roofline"] circle', { timeout: DATA_TIMEOUT_MS });
    expect(await page.locator('[data-testid="roofline"] circle').count()).toBe(2);
    const text = await page.getByTestId('utilization').textContent();
    expect(text).toMatch(/attentionH800.*MFU.*FLOP\/s of .*MBU.*B\/s of .*ffnH800/);
    expect(await overflowing(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a window from rollups says what it does not know, and what to do', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    const raw = gpuReport('DeepSeek-V3.2 (simulated)', '');
    const json: ReportJson = {
      ...raw,
      exactness: 'rollup',
      balance: null,
      criticalPath: null,
      utilization: null,
    };
    await page.route('**/report?*', (route) => route.fulfill({ json }));
    await page.goto(`${product.web}/balance?range=7d`);
    await page.getByText(/answered from rollups, which know no balance/).waitFor({
      timeout: DATA_TIMEOUT_MS,
    });
    await page.getByText(/Rollups know no operations/).waitFor();
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });

  test('the verdict names a slow rank, and leads to the change that mends it', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await product.setFaults({ slowRank: { role: 'ffn', rank: 2, factor: 1.4 } });
    try {
      await page.goto(product.web);
      const verdict = page.getByTestId('verdict');
      await expect
        .poll(() => verdict.textContent(), { timeout: 40_000 })
        .toMatch(/^FFN-bound\. .*ffn\/2 is \d+ % slow\. → Check its device/);
      const height = await verdict.evaluate((element) => element.clientHeight);
      // Two lines of 22 px, and the padding.
      expect(height).toBeLessThanOrEqual(2 * 22 + 26);
      expect(await overflowing(page)).toEqual([]);
      await page.getByRole('link', { name: /^Check its device/ }).click();
      await page.waitForURL((url) => url.searchParams.get('set') === 'fix=ffn/2');
      await expect.poll(() => page.getByTestId('whatif-gain').textContent(), SOON).toMatch(/^\+\d/);
    } finally {
      await product.setFaults({});
    }
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a hung rank is what the verdict says, however old the figures are', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await page.goto(product.web);
    await page.waitForSelector('[data-testid="group-cards"]', { timeout: DATA_TIMEOUT_MS });
    await product.setFaults({ hungRank: { role: 'ffn', rank: 3 } });
    try {
      const verdict = page.getByTestId('verdict');
      await expect
        .poll(() => verdict.textContent(), { timeout: 60_000 })
        .toMatch(/^Hung: ffn\/3 made no progress since .*; 11 workers wait for it\. →/);
      await page.getByText('Quiet.').waitFor({ timeout: 60_000 });
      expect(await page.locator('.stale [data-testid="verdict"]').count()).toBe(0);
      expect(await overflowing(page)).toEqual([]);
      // Pages without a verdict say it above what was measured before.
      await page.keyboard.press('g');
      await page.keyboard.press('b');
      await page.waitForURL(/\/balance$/);
      const banner = page.getByText(/^Hung\. ffn\/3 since .*; 11 workers wait for it\./);
      await banner.waitFor({ timeout: 20_000 });
      expect(await overflowing(page)).toEqual([]);
      await page.getByRole('link', { name: 'ffn/3' }).first().click();
      await page.waitForURL(
        (url) => url.pathname === '/stragglers' && url.searchParams.get('worker') === 'ffn/3',
      );
    } finally {
      await product.setFaults({});
    }
    await context.close();
  });

  test('bars have the colours of their stages', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await openBalance(page);
    const colours = await page
      .locator('[data-testid="period-terms"] td [aria-hidden] > div')
      .evaluateAll((bars) => bars.map((bar) => getComputedStyle(bar).backgroundColor));
    for (const name of ['attention', 'expert', 'a2f', 'f2a'] as const) {
      expect(colours).toContain(rgbOf(STAGE_COLOURS[name]));
    }
    await context.close();
  });

  function barWidths(page: Page, selector: string): Promise<number[]> {
    return page
      .locator(selector)
      .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width));
  }
});

function rgbOf(hex: string): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${channels.join(', ')})`;
}

/** The pages of the running product, with a simulated cluster that reports to it. */
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
  THEMES,
  visit,
} from './browser.ts';
import { collectorPid, type Product, startProduct } from './product.ts';

const DATA_TIMEOUT_MS = 60_000;

/** Polls give a loaded machine time. */
const SOON = { timeout: 15_000 };

describe.skipIf(CHROMIUM === null)('dashboard', () => {
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

  /** Waits until every part of the overview has data. */
  async function openOverview(page: Page, search = ''): Promise<void> {
    await page.goto(`${product.web}/${search}`);
    const options = { timeout: DATA_TIMEOUT_MS };
    await page.waitForSelector('[data-testid="group-cards"] article:nth-child(2)', options);
    await page.waitForSelector('[data-testid="strip-canvas"]', options);
    await page.waitForSelector('[data-testid="heat-canvas"]', options);
    for (const id of ['throughput', 'latency', 'busy', 'overlap', 'period', 'steps']) {
      await page.waitForSelector(`[data-testid="trend-${id}"]`, options);
    }
  }

  describe.each(THEMES)('%s', (theme) => {
    test.each(SIZES)('overview at $width x $height', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await openOverview(page);
      await page.waitForTimeout(2_500);
      expect(await page.locator('html').getAttribute('data-theme')).toBe(theme);

      const verdict = await page.getByTestId('verdict').textContent();
      expect(verdict).toMatch(/^(Healthy|Attention-bound|FFN-bound|Network-bound|Latency-bound)\./);
      const busy = await page.getByTestId('busy').allTextContents();
      expect(busy).toHaveLength(2);
      for (const text of busy) expect(Number.parseFloat(text)).toBeGreaterThan(20);

      expect(
        await pixelsOf(page, '[data-testid="strip-canvas"]', STAGE_COLOURS.attention),
      ).toBeGreaterThan(1000);
      expect(
        await pixelsOf(page, '[data-testid="strip-canvas"]', STAGE_COLOURS.expert),
      ).toBeGreaterThan(1000);
      expect(await inkOf(page, '[data-testid="heat-canvas"]')).toBeGreaterThan(10_000);
      expect(await drawnPoints(page)).toHaveLength(6);
      for (const points of await drawnPoints(page)) expect(points).toBeGreaterThan(0);
      for (const id of ['throughput', 'busy', 'period']) {
        expect(await inkOf(page, `[data-testid="trend-${id}"]`), id).toBeGreaterThan(300);
      }
      expect(await page.getByTestId('ingest-line').textContent()).toMatch(/events\/s/);

      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    });

    test.each(SIZES)('layers and health at $width x $height', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await page.goto(`${product.web}/layers`);
      await page.waitForSelector('[data-testid="layer-table"] tbody tr', {
        timeout: DATA_TIMEOUT_MS,
      });
      expect(await page.locator('[data-testid="layer-table"] tbody tr').count()).toBe(61);
      expect(await page.locator('[data-testid="layer-detail"] tbody tr').count()).toBe(3);
      const row = await page.locator('tr[data-layer="30"]').textContent();
      expect(row?.match(/µs/g)?.length).toBeGreaterThanOrEqual(8);
      expect(row).toMatch(/-bound/);
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);

      await page.goto(`${product.web}/health`);
      await page.waitForSelector('[data-testid="collector-state"]');
      expect(await page.getByTestId('collector-state').textContent()).toBe('up');
      expect(await page.locator('body').textContent()).toContain(product.runtime.otlpHttp);
      expect(await overflowing(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    });
  });

  test('the page moves while live, and stands while paused', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await openOverview(page);
    const step = () => page.locator('#strip header').textContent();
    const first = await step();
    await expect.poll(step, { timeout: 15_000 }).not.toBe(first);
    await page.locator('main').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('Space');
    await expect.poll(() => page.getByTestId('live-status').textContent(), SOON).toBe('paused');
    const held = await step();
    await page.waitForTimeout(4_000);
    expect(await step()).toBe(held);
    await page.keyboard.press('Space');
    await expect.poll(step, { timeout: 15_000 }).not.toBe(held);
    await context.close();
  });

  test('keys go to pages, open help, turn the theme; the URL keeps the state', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[0]);
    await openOverview(page, '?heat=wait');
    await page.keyboard.press('?');
    await page.waitForSelector('[role="dialog"]');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('[role="dialog"]').count(), SOON).toBe(0);
    await page.keyboard.press('t');
    expect(await page.locator('html').getAttribute('data-theme')).toBe('light');
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.waitForURL(/\/layers\?heat=wait$/);
    await page.waitForSelector('[data-testid="layer-table"] tbody tr', {
      timeout: DATA_TIMEOUT_MS,
    });
    await page.locator('tr[data-layer="12"]').click();
    await page.getByRole('button', { name: 'FFN', exact: true }).click();
    await page.waitForURL(/layer=12&sort=-ffnNs$/);
    expect(await page.locator('tr[data-layer="12"] button').getAttribute('aria-pressed')).toBe(
      'true',
    );
    await page.reload();
    await page.waitForSelector('[aria-sort="descending"]', { timeout: DATA_TIMEOUT_MS });
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    await page.waitForURL((url) => url.pathname === '/' && url.searchParams.get('layer') === '12');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test.skipIf(process.platform !== 'linux')(
    'a collector that hangs is said, the picture greyed with its age; it heals by itself',
    async () => {
      const { page, context } = await visit(browser, 'dark', SIZES[1]);
      await openOverview(page);
      const pid = await collectorPid(product);
      process.kill(pid, 'SIGSTOP');
      try {
        await page.getByText('Stale.').waitFor({ timeout: 30_000 });
        await page.getByText('Collector down.').waitFor({ timeout: 30_000 });
        expect(await page.getByTestId('overview-figures').getAttribute('class')).toContain('stale');
        expect(await overflowing(page)).toEqual([]);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      for (const word of ['Stale.', 'Collector down.']) {
        await page.getByText(word).waitFor({ state: 'detached', timeout: 30_000 });
      }
      await expect.poll(() => page.locator('main .stale').count(), SOON).toBe(0);
      await context.close();
    },
  );

  test('a window of the past is answered by the store', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await openOverview(page, '?range=5m');
    expect(asked.some((url) => url.endsWith('/live'))).toBe(false);
    for (const question of ['report', 'series', 'strip', 'heatmap']) {
      expect(
        asked.some((url) => url.includes(`/${question}?from=-5m`)),
        question,
      ).toBe(true);
    }
    expect(await page.getByTestId('verdict').textContent()).toMatch(/-bound|Healthy/);
    expect(await overflowing(page)).toEqual([]);

    // Dragging over a chart makes its time the page's.
    const chart = page.locator('[data-testid="trend-busy"] [role="img"]');
    await chart.scrollIntoViewIfNeeded();
    const box = (await chart.boundingBox())!;
    await page.mouse.move(box.x + box.width - 60, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 20, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=2\d{3}-.*&to=2\d{3}-/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('one click makes the report of the window, opens it and offers to keep it', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await openOverview(page);
    const opened = context.waitForEvent('page', { timeout: DATA_TIMEOUT_MS });
    await page.getByRole('button', { name: 'Post-mortem report' }).click();
    const state = page.getByTestId('postmortem-state');
    expect(await state.getAttribute('data-state')).toMatch(/making|ready/);
    const report = await opened;
    await report.waitForSelector('figure svg', { timeout: DATA_TIMEOUT_MS });
    expect(await report.title()).toBe('Post-mortem: demo');
    expect(await report.locator('script').count()).toBe(0);
    expect(await report.locator('#verdict .lead').textContent()).toMatch(/-bound|Healthy/);
    const evidence = report.locator('#evidence a', { hasText: 'Balance' });
    expect(await evidence.getAttribute('href')).toMatch(
      new RegExp(`^${product.web}/balance\\?d=demo&from=`),
    );
    const saving = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Save as HTML' }).click();
    expect((await saving).suggestedFilename()).toMatch(/^demo-postmortem-\d{8}T\d{6}Z\.html$/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('the strip zooms by key, lights a micro-batch and tells what a box is', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[0]);
    await openOverview(page);
    await page.keyboard.press('Space');
    const strip = page.getByRole('slider', { name: /^Step \d+/ });
    await strip.focus();
    const shown = () => strip.getAttribute('aria-valuetext');
    const before = await shown();
    await page.keyboard.press('w');
    await expect.poll(shown, SOON).not.toBe(before);
    const zoomed = await shown();
    await page.keyboard.press('d');
    await expect.poll(shown, SOON).not.toBe(zoomed);
    await page.keyboard.press('0');
    await expect.poll(shown, SOON).toMatch(/^0 ns to /);

    const box = (await strip.boundingBox())!;
    for (let i = 1; i < 20 && (await page.getByRole('status').count()) === 0; i++) {
      await page.mouse.move(box.x + (box.width * i) / 20, box.y + 40);
    }
    expect(await page.getByRole('status').textContent()).toMatch(/attention\/0/);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a cell of the heat map leads to its layer', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await openOverview(page);
    const heat = page.getByRole('slider', { name: /workers by 61 layers/ });
    await heat.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => heat.getAttribute('aria-valuetext'))
      .toMatch(/^attention\/0, layer 1: /);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/layers\?layer=1$/);
    await context.close();
  });

  function drawnPoints(page: Page): Promise<number[]> {
    return page
      .locator('[data-testid="trends"] figure')
      .evaluateAll((figures) =>
        figures.map((figure) => Number(figure.getAttribute('data-points'))),
      );
  }
});

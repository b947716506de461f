/** The pages of the running product, with a simulated cluster that reports to it. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { CHROMIUM, inkOf, LOOKS, namelessControls, pixelsOf, SIZES } from './browser.ts';
import { collectorPid } from './product.ts';
import { running } from './running.ts';
import { expectFits, expectSound, pressTogether, soon, stands } from './soon.ts';

describe.skipIf(CHROMIUM === null)('dashboard', () => {
  const run = running('demo');

  /** Waits until every part of the overview has data. */
  async function openOverview(page: Page, search = ''): Promise<void> {
    await page.goto(`${run.product.web}/${search}`);
    await page.waitForSelector('[data-testid="group-cards"] article:nth-child(2)');
    await page.waitForSelector('[data-testid="strip-canvas"]');
    await page.waitForSelector('[data-testid="heat-canvas"]');
    for (const id of ['throughput', 'latency', 'busy', 'overlap', 'period', 'steps']) {
      await page.waitForSelector(`[data-testid="trend-${id}"]`);
    }
  }

  // First: what the store is asked about five minutes takes the longer the more of them it holds.
  test('a window of the past is answered by the store', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await openOverview(page, '?range=5m');
    for (const question of ['report', 'series', 'strip', 'heatmap']) {
      await soon(() => asked.some((url) => url.includes(`/${question}?from=-5m`)), {
        message: question,
      }).toBe(true);
    }
    expect(asked.some((url) => url.endsWith('/live'))).toBe(false);
    await soon(() => page.getByTestId('verdict').textContent()).toMatch(/-bound|Healthy/);
    await expectFits(page);

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
  });

  test('one click makes the report of the window, opens it and offers to keep it', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await openOverview(page);
    const opened = page.context().waitForEvent('page');
    await page.getByRole('button', { name: 'Post-mortem report' }).click();
    const state = page.getByTestId('postmortem-state');
    await soon(() => state.getAttribute('data-state')).toMatch(/making|ready/);
    const report = await opened;
    await report.waitForSelector('figure svg');
    await soon(() => report.title()).toBe('Post-mortem: demo');
    await soon(() => report.locator('script').count()).toBe(0);
    await soon(() => report.locator('#verdict .lead').textContent()).toMatch(/-bound|Healthy/);
    const evidence = report.locator('#evidence a', { hasText: 'Balance' });
    await soon(() => evidence.getAttribute('href')).toMatch(
      new RegExp(`^${run.product.web}/balance\\?d=demo&from=`),
    );
    const saving = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Save as HTML' }).click();
    expect((await saving).suggestedFilename()).toMatch(/^demo-postmortem-\d{8}T\d{6}Z\.html$/);
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('overview, $theme at $width x $height', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await openOverview(page);
    await soon(() => page.locator('html').getAttribute('data-theme')).toBe(look.theme);

    await soon(() => page.getByTestId('verdict').textContent()).toMatch(
      /^(Healthy|Attention-bound|FFN-bound|Network-bound|Latency-bound)\./,
    );
    const busy = async () =>
      (await page.getByTestId('busy').allTextContents()).map((text) => Number.parseFloat(text));
    await soon(busy).toHaveLength(2);
    await soon(async () => Math.min(...(await busy()))).toBeGreaterThan(20);

    for (const stage of ['attention', 'expert'] as const) {
      await soon(() =>
        pixelsOf(page, '[data-testid="strip-canvas"]', STAGE_COLOURS[stage]),
      ).toBeGreaterThan(1000);
    }
    await soon(() => inkOf(page, '[data-testid="heat-canvas"]')).toBeGreaterThan(10_000);
    await soon(() => drawnPoints(page)).toHaveLength(6);
    await soon(async () => Math.min(...(await drawnPoints(page)))).toBeGreaterThan(0);
    for (const id of ['throughput', 'busy', 'period']) {
      await soon(() => inkOf(page, `[data-testid="trend-${id}"]`), {
        message: id,
      }).toBeGreaterThan(300);
    }
    await soon(() => page.getByTestId('ingest-line').textContent()).toMatch(/events\/s/);

    await expectSound({ page, complaints });
  });

  test.each(LOOKS)('layers and health, $theme at $width x $height', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await page.goto(`${run.product.web}/layers`);
    await page.waitForSelector('[data-testid="layer-table"] tbody tr');
    await soon(() => page.locator('[data-testid="layer-table"] tbody tr').count()).toBe(61);
    await soon(() => page.locator('[data-testid="layer-detail"] tbody tr').count()).toBe(3);
    await soon(() => page.locator('tr[data-layer="30"]').textContent()).toMatch(
      /^(?=(.*µs){8}).*-bound/,
    );
    await expectFits(page);
    await soon(() => namelessControls(page)).toEqual([]);

    await page.goto(`${run.product.web}/health`);
    await page.waitForSelector('[data-testid="collector-state"]');
    await soon(() => page.getByTestId('collector-state').textContent()).toBe('up');
    await soon(() => page.locator('body').textContent()).toContain(run.product.runtime.otlpHttp);
    await expectFits(page);
    expect(complaints).toEqual([]);
  });

  test('the page moves while live, and stands while paused', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await openOverview(page);
    const step = () => page.locator('#strip header').textContent();
    const first = await step();
    await soon(step).not.toBe(first);
    await page.locator('main').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('Space');
    await soon(() => page.getByTestId('live-status').textContent()).toBe('paused');
    // What came before the key may still be drawn.
    await soon(() => stands(page, step, 4_000)).toBe(true);
    const held = await step();
    await page.keyboard.press('Space');
    await soon(step).not.toBe(held);
  });

  test('keys go to pages, open help, turn the theme; the URL keeps the state', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await openOverview(page, '?heat=wait');
    await page.keyboard.press('?');
    await page.waitForSelector('[role="dialog"]');
    await page.keyboard.press('Escape');
    await soon(() => page.locator('[role="dialog"]').count()).toBe(0);
    for (const name of ['Help', 'Freeze', 'Export this window']) {
      const button = page.getByRole('button', { name, exact: true });
      await button.click();
      await page.waitForSelector('[role="dialog"]');
      await page.keyboard.press('Escape');
      await soon(() => page.locator('[role="dialog"]').count()).toBe(0);
      await soon(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
    }
    await page.keyboard.press('t');
    await soon(() => page.locator('html').getAttribute('data-theme')).toBe('light');
    await pressTogether(page, 'g', 'l');
    await page.waitForURL(/\/layers\?heat=wait$/);
    await page.waitForSelector('[data-testid="layer-table"] tbody tr');
    await page.locator('tr[data-layer="12"]').click();
    await page.getByRole('button', { name: 'FFN', exact: true }).click();
    await page.waitForURL(/layer=12&sort=-ffnNs$/);
    await soon(() => page.locator('tr[data-layer="12"] button').getAttribute('aria-pressed')).toBe(
      'true',
    );
    await page.reload();
    await page.waitForSelector('[aria-sort="descending"]');
    await pressTogether(page, 'g', 'o');
    await page.waitForURL((url) => url.pathname === '/' && url.searchParams.get('layer') === '12');
    expect(complaints).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')(
    'a collector that hangs is said, the picture greyed with its age; it heals by itself',
    async () => {
      const { page } = await run.visit('dark', SIZES[1]);
      await openOverview(page);
      const pid = await collectorPid(run.product);
      process.kill(pid, 'SIGSTOP');
      try {
        await page.getByText('Stale.').waitFor();
        await page.getByText('Collector down.').waitFor();
        await soon(() => page.getByTestId('overview-figures').getAttribute('class')).toContain(
          'stale',
        );
        await expectFits(page);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      for (const word of ['Stale.', 'Collector down.']) {
        await page.getByText(word).waitFor({ state: 'detached' });
      }
      await soon(() => page.locator('main .stale').count()).toBe(0);
    },
  );

  test('the strip zooms by key, lights a micro-batch and tells what a box is', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await openOverview(page);
    await page.keyboard.press('Space');
    const strip = page.getByRole('slider', { name: /^Step \d+/ });
    await strip.focus();
    const shown = () => strip.getAttribute('aria-valuetext');
    const before = await shown();
    await page.keyboard.press('w');
    await soon(shown).not.toBe(before);
    const zoomed = await shown();
    await page.keyboard.press('d');
    await soon(shown).not.toBe(zoomed);
    await page.keyboard.press('0');
    await soon(shown).toMatch(/^0 ns to /);

    const box = (await strip.boundingBox())!;
    let at = 0;
    const told = async (): Promise<string> => {
      at = (at % 19) + 1;
      await page.mouse.move(box.x + (box.width * at) / 20, box.y + 40);
      return (await page.getByRole('status').allTextContents()).join();
    };
    await soon(told).toMatch(/attention\/0/);
    expect(complaints).toEqual([]);
  });

  test('a cell of the heat map leads to its layer', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await openOverview(page);
    const heat = page.getByRole('slider', { name: /workers by 61 layers/ });
    await heat.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await soon(() => heat.getAttribute('aria-valuetext')).toMatch(/^attention\/0, layer 1: /);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/layers\?layer=1$/);
  });

  function drawnPoints(page: Page): Promise<number[]> {
    return page
      .locator('[data-testid="trends"] figure')
      .evaluateAll((figures) =>
        figures.map((figure) => Number(figure.getAttribute('data-points'))),
      );
  }
});

/** Stragglers, Experts and Layers of the running product, over a simulated cluster that is broken. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { CHROMIUM, inkOf, namelessControls, pixelsOf, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectFits, expectSound, FOUND, pressTogether, soon } from './soon.ts';

describe.skipIf(CHROMIUM === null)('culprits', () => {
  const run = running('demo');

  /** Text of a part of the page, '' while it is not there. */
  const textOf = async (page: Page, id: string): Promise<string> =>
    (await page.getByTestId(id).allTextContents()).join('\n');

  test('healthy: nobody is slow; the keys lead to the pages and the help names them', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await page.goto(run.product.web);
    await page.waitForSelector('[data-testid="group-cards"] article', FOUND);
    await pressTogether(page, 'g', 's');
    await page.waitForURL(/\/stragglers$/);
    await soon(() => page.title(), FOUND).toBe('Stragglers · afdscope');
    await soon(() => textOf(page, 'nobody-slow'), FOUND).toMatch(
      /8 attention \+ 4 ffn workers, \d+ windows? of .* nobody over 3/,
    );
    await pressTogether(page, 'g', 'e');
    await page.waitForURL(/\/experts$/);
    await page.getByTestId('expert-map').waitFor(FOUND);
    await soon(() => page.title(), FOUND).toBe('Experts · afdscope');
    await page.keyboard.press('?');
    await soon(() => page.locator('[role="dialog"]').textContent()).toMatch(
      /Go to Stragglers.*Go to Experts.*Matrix: move the cell/,
    );
    expect(complaints).toEqual([]);
  });

  test('a slow device is named with its remedy, and everyone waits for it', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await run.product.setFaults({ slowRank: { role: 'ffn', rank: 2, factor: 1.3 } });
    await page.goto(`${run.product.web}/stragglers`);
    await soon(() => textOf(page, 'ranking'), FOUND).toMatch(/ffn\/2expertslow compute.*→ device:/);
    const matrix = page.getByTestId('waits-attention-ffn');
    await matrix.waitFor(FOUND);
    await soon(() => matrix.getAttribute('data-cells')).toBe('32');
    // The first answer may be of a few steps only, some from before the fault.
    await soon(() => matrix.getAttribute('data-outliers'), FOUND).toBe('8');
    for (const id of ['waits-attention-ffn', 'waits-ffn-attention', 'score-matrix']) {
      await soon(() => inkOf(page, `[data-testid="${id}"]`), { message: id }).toBeGreaterThan(
        2_000,
      );
    }
    await expectFits(page);
    await soon(() => namelessControls(page)).toEqual([]);

    // A cell tells its causes; Enter marks the culprit, in the URL too.
    const slider = page.getByRole('slider', { name: /^Attention waited because of FFN/ });
    await slider.focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await soon(() => slider.getAttribute('aria-valuetext')).toMatch(
      /^attention\/0, ffn\/2: [\d.]+ ms$/,
    );
    const panel = page.getByRole('region', { name: 'Attention waited because of FFN' });
    await soon(() => panel.textContent()).toMatch(/device excess \d+ %/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/worker=ffn%2F2/);
    await page.getByRole('combobox', { name: /^Cause/ }).selectOption('deviceExcessNs');
    await page.waitForURL(/cause=deviceExcessNs/);
    await soon(() => panel.textContent()).toMatch(/device excess, per step/);

    // Since when leads to that time on the Overview.
    const since = page.locator('[data-worker="ffn/2"] a[href*="strip"]').first();
    await soon(() => since.getAttribute('href')).toMatch(/^\/\?.*from=20.*&to=20.*#strip$/);
    expect(complaints).toEqual([]);
  });

  test('long contexts are the router’s; a hot expert is named by rank and layers', async () => {
    const { page, complaints } = await run.visit('light', SIZES[1]);
    await run.product.setFaults({
      longContext: { rank: 5, factor: 1.6 },
      hotExpert: { rank: 1, factor: 2, fromLayer: 20, toLayer: 30 },
    });
    await page.goto(`${run.product.web}/stragglers`);
    await soon(() => textOf(page, 'ranking'), FOUND).toMatch(
      /attention\/5attention.*→ request router:/,
    );
    await expectFits(page);
    await page.goto(`${run.product.web}/experts`);
    await soon(() => textOf(page, 'hottest'), FOUND).toMatch(/ffn\/1(2\d|30)/);
    const map = page.getByTestId('expert-map');
    await soon(() => map.getAttribute('data-outliers'), FOUND).toBe('11');
    await soon(() => map.getAttribute('data-cells')).toBe(String(4 * 58));
    await soon(() => page.getByTestId('expert-headline').textContent(), FOUND).toMatch(
      /worst [\d.]+ × in L(2\d|30).*load explains the time/,
    );
    await soon(() => inkOf(page, '[data-testid="expert-scatter"]')).toBeGreaterThan(300);
    await expectFits(page);
    expect(complaints).toEqual([]);
  });

  test('layers: stacks, causes, critical path, what the first MoE layer costs', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await run.product.setFaults({});
    await page.goto(`${run.product.web}/layers`);
    const stack = '[data-testid="layer-stack"]';
    await page.locator(stack).waitFor(FOUND);
    await soon(() => pixelsOf(page, stack, STAGE_COLOURS.attention)).toBeGreaterThan(5_000);
    await soon(() => pixelsOf(page, stack, STAGE_COLOURS.expert)).toBeGreaterThan(5_000);
    await soon(() => page.locator('tr[data-layer="30"]').textContent(), FOUND).toMatch(
      /-bound\d\.\d %$/,
    );
    await page.getByRole('button', { name: 'Waiting' }).click();
    await soon(() => textOf(page, 'layer-findings')).toMatch(
      /First MoE layer, 3: FFN workers wait [\d.]+ ms .*fill and drain/,
    );
    const slider = page.getByRole('slider', { name: /^Causes of waiting of 61 layers/ });
    await slider.focus();
    await page.keyboard.press('End');
    await soon(() => slider.getAttribute('aria-valuetext')).toMatch(/^layer 60: /);
    await page.keyboard.press('Enter');
    await page.waitForURL(/layer=60/);
    await expectSound({ page, complaints });
  });

  test('a hung rank: first fault and chain while it hangs, and afterwards', async () => {
    const { page, complaints } = await run.visit('light', SIZES[1]);
    await page.goto(`${run.product.web}/stragglers`);
    await page.getByTestId('nobody-slow').or(page.getByTestId('ranking')).waitFor(FOUND);
    await run.product.setFaults({ hungRank: { role: 'ffn', rank: 3 } });
    await soon(() => textOf(page, 'hang-panel'), FOUND).toMatch(
      /ffn\/3 hangs since .*11 workers wait for it/,
    );
    await soon(() => textOf(page, 'hang-chain')).toMatch(/^ffn\/3 · first fault.*attention\/0–7/);
    const rows = page.getByTestId('hang-workers').locator('tbody tr');
    await soon(() => rows.first().textContent()).toMatch(
      /^ffn\/3 · first faultstep [\d,]+, a2f_recv/,
    );
    await expectFits(page);
    await run.product.setFaults({});
    await soon(() => textOf(page, 'hang-panel'), FOUND).toMatch(/ffn\/3 hung at /);
    expect(complaints).toEqual([]);
  });
});

/** Stragglers, Experts and Layers with answers of every kind: large, empty, failing, of a hang. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem } from '#lib/api/problem.ts';
import {
  sampleExperts,
  sampleHang,
  sampleStragglers,
  sampleWaits,
} from '#test/lib/view/sample-culprits.ts';
import {
  CHROMIUM,
  inkOf,
  launchBrowser,
  namelessControls,
  overflowing,
  SIZES,
  THEMES,
  visit,
} from './browser.ts';
import { type Product, startProduct } from './product.ts';

/** Polls give a loaded machine time. */
const SOON = { timeout: 15_000 };
const REFUSAL = problem('timeout', 'The query took over 10 s. Choose a shorter window.');

/** An answer, or a refusal that the question gets. */
type Answers = Readonly<Record<string, object | 'refused'>>;

describe.skipIf(CHROMIUM === null)('culprits, states', () => {
  let product: Product;
  let browser: Browser;

  beforeAll(async () => {
    product = await startProduct('up');
    browser = await launchBrowser();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  describe.each(THEMES)('%s', (theme) => {
    test.each(SIZES)('320 workers at $width x $height: all in a matrix', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await answer(page, {
        stragglers: sampleStragglers(256, 64, { worker: 'ffn/12', load: 0.02, device: 0.2 }),
        waits: sampleWaits(256, 64, { slowFfn: 12 }),
      });
      await page.goto(`${product.web}/stragglers?range=5m&worker=ffn/12`);
      const matrix = page.getByTestId('waits-attention-ffn');
      await matrix.waitFor();
      expect(await matrix.getAttribute('data-cells')).toBe(String(256 * 64));
      expect(await matrix.getAttribute('data-outliers')).toBe('256');
      for (const id of ['waits-attention-ffn', 'waits-ffn-attention', 'score-matrix']) {
        expect(await inkOf(page, `[data-testid="${id}"]`), id).toBeGreaterThan(2_000);
      }
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);

      // The last row is reached by keys, scrolled to, and named.
      const slider = page.getByRole('slider', { name: /^Attention waited because of FFN/ });
      await slider.focus();
      await page.keyboard.press('ArrowDown');
      for (let i = 0; i < 17; i++) await page.keyboard.press('PageDown');
      await page.keyboard.press('End');
      await expect
        .poll(() => slider.getAttribute('aria-valuetext'), SOON)
        .toMatch(/^attention\/255, ffn\/63: /);
      expect(await slider.evaluate((box) => box.scrollTop)).toBeGreaterThan(500);
      expect(complaints).toEqual([]);
      await context.close();
    });

    test.each(SIZES)('a hang at $width x $height: chain, first fault, last keys', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await answer(page, {
        stragglers: {
          ...sampleStragglers(8, 4),
          hangs: [sampleHang(8, 4, false), sampleHang(8, 4, true)],
        },
        waits: sampleWaits(8, 4),
      });
      await page.goto(`${product.web}/stragglers?range=5m`);
      const panels = page.getByTestId('hang-panel');
      await panels.first().waitFor();
      expect(await panels.count()).toBe(2);
      expect(await panels.first().getAttribute('data-on')).toBe('true');
      expect(await panels.first().textContent()).toMatch(/ffn\/1 hangs since .*11 workers wait/);
      expect(await panels.last().textContent()).toMatch(/ffn\/1 hung at .* for 7\.50 s/);
      const chain = await page.getByTestId('hang-chain').first().textContent();
      expect(chain).toMatch(/ffn\/1 · first fault.*attention\/0–7.*ffn\/0, ffn\/2–3/);
      const rows = await page.getByTestId('hang-workers').first().locator('tbody tr').count();
      expect(rows).toBe(3);
      await panels.last().locator('summary').click();
      await page.getByTestId('hang-chain').last().waitFor();
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    });

    test.each(SIZES)('experts at $width x $height: maps, tables, scatter', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await answer(page, { experts: sampleExperts(4, 61, { perRank: 64, forced: false }) });
      await page.goto(`${product.web}/experts?range=5m`);
      await page.getByTestId('expert-map').waitFor();
      for (const id of ['expert-map', 'expert-layer-map', 'expert-scatter']) {
        expect(await inkOf(page, `[data-testid="${id}"]`), id).toBeGreaterThan(500);
      }
      const headline = await page.getByTestId('expert-headline').textContent();
      expect(headline).toMatch(/vLLM balancedness.*SGLang balancedness/);
      expect(await page.getByTestId('expert-layer').textContent()).toMatch(
        /layer 20 · most uneven/,
      );
      expect(await page.getByTestId('forced-routing').count()).toBe(0);
      for (const figure of ['Max / mean', 'Active experts', 'Time']) {
        await page.getByRole('button', { name: figure, exact: true }).click();
        expect(await inkOf(page, '[data-testid="expert-map"]'), figure).toBeGreaterThan(500);
      }
      await page.waitForURL(/experts=time/);
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    });

    test.each(SIZES)('stacks of layers at $width x $height', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      await answer(page, { breakdown: BREAKDOWN, waits: sampleWaits(8, 4, { oddLayer: 33 }) });
      await page.goto(`${product.web}/layers?range=5m`);
      await page.getByTestId('layer-stack').waitFor();
      expect(await inkOf(page, '[data-testid="layer-stack"]')).toBeGreaterThan(20_000);
      const findings = page.getByTestId('layer-findings');
      expect(await findings.textContent()).toMatch(/first MoE layer, 3, is like the others/);
      await page.getByRole('button', { name: 'Waiting' }).click();
      await page.waitForURL(/stack=causes/);
      await expect.poll(() => findings.textContent(), SOON).toMatch(/FFN workers wait 2\.\d+ ms/);
      expect(await inkOf(page, '[data-testid="layer-stack"]')).toBeGreaterThan(5_000);
      await findings.getByRole('button', { name: 'Layer 33' }).first().click();
      await page.waitForURL(/layer=33/);
      expect(await page.locator('tr[data-layer="33"] [aria-label="stands out"]').count()).toBe(1);
      expect(await overflowing(page)).toEqual([]);
      expect(await namelessControls(page)).toEqual([]);
      // The report, whose critical path has no part in this, is not there.
      expect(complaints.filter((text) => !/404|\/report/.test(text))).toEqual([]);
      await context.close();
    });
  });

  test('nobody is slow: what was looked at, and how near the nearest is', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await answer(page, { stragglers: sampleStragglers(8, 4), waits: sampleWaits(8, 4) });
    await page.goto(`${product.web}/stragglers?range=5m`);
    const text = await page.getByTestId('nobody-slow').textContent();
    expect(text).toContain('8 attention + 4 ffn workers, 30 windows of 1.00 s: nobody over 4.');
    expect(text).toMatch(/ffn\/\d/);
    await context.close();
  });

  test('a window without steps: nobody to compare, nobody waited', async () => {
    const { page, context } = await visit(browser, 'light', SIZES[1]);
    await answer(page, {
      stragglers: { ...sampleStragglers(8, 4), trends: [] },
      waits: { ...sampleWaits(0, 0, { layers: 0 }), matrices: [] },
    });
    await page.goto(`${product.web}/stragglers?range=5m`);
    await page.getByText('Nobody to compare').waitFor();
    await page.getByText('Nobody waited for a peer in this window').waitFor();
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });

  test('one answer that cannot be had is named, the rest of the page stands', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await answer(page, { stragglers: sampleStragglers(8, 4), waits: 'refused' });
    await page.goto(`${product.web}/stragglers?range=5m`);
    await page.getByTestId('nobody-slow').waitFor();
    // Refusals are asked again before they are said.
    await page.getByText('No wait matrices.').waitFor({ timeout: 60_000 });
    expect(await page.locator('main [role="alert"]').textContent()).toContain(REFUSAL.detail);
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });

  test.each([
    ['/stragglers', 'stragglers'],
    ['/experts', 'experts'],
    ['/layers', 'breakdown'],
  ])('%s without its answer says why, and asks again', async (path, question) => {
    const { page, context } = await visit(browser, 'light', SIZES[1]);
    await answer(page, { [question]: 'refused' });
    await page.goto(`${product.web}${path}?range=5m`);
    const alert = page.locator('main [role="alert"]');
    await alert.waitFor({ timeout: 60_000 });
    expect(await alert.textContent()).toContain(REFUSAL.detail);
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(1);
    await context.close();
  });

  test('loading is a skeleton', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await answer(page, {});
    await page.route('**/api/v1/deployments/demo/stragglers*', () => {});
    await page.goto(`${product.web}/stragglers?range=5m`);
    await page.locator('main .skeleton').first().waitFor();
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });

  test('senders without expert loads are told what to send', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await answer(page, { experts: sampleExperts(4, 61, { measures: 'none' }) });
    await page.goto(`${product.web}/experts?range=5m`);
    const text = await page.getByTestId('no-experts').textContent();
    for (const name of ['afd.tokens', 'afd.experts.active', 'afd.expert_tokens']) {
      expect(text).toContain(name);
    }
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });

  test('tokens without lists: the map stands, single experts are asked for', async () => {
    const { page, context } = await visit(browser, 'light', SIZES[1]);
    await answer(page, { experts: sampleExperts(4, 61, { measures: 'tokens' }) });
    await page.goto(`${product.web}/experts?range=5m`);
    await page.getByTestId('expert-map').waitFor();
    await page.getByText(/No list of experts/).waitFor();
    await page.getByText('send afd.expert_tokens to see which').waitFor();
    await page.getByRole('button', { name: 'Active experts', exact: true }).click();
    await page.getByText('do not carry this figure').waitFor();
    await context.close();
  });

  test('equal tokens everywhere: forced routing is said', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[1]);
    await answer(page, { experts: sampleExperts(4, 61, { forced: true }) });
    await page.goto(`${product.web}/experts?range=5m`);
    await page.getByTestId('forced-routing').waitFor();
    expect(await page.getByTestId('forced-routing').textContent()).toMatch(/^Forced routing\./);
    expect(await overflowing(page)).toEqual([]);
    await context.close();
  });
});

const cell = {
  attentionNs: 270e3,
  a2fNs: 70e3,
  ffnNs: 255e3,
  f2aNs: 130e3,
  attentionWaitNs: 20e3,
  ffnWaitNs: 60e3,
  periodNs: 810e3,
  count: 10,
};
const BREAKDOWN = {
  deployment: 'demo',
  window: { startUnixNs: '0', endUnixNs: '15000000000', durationNs: 15e9 },
  steps: 20,
  microbatches: 3,
  layers: Array.from({ length: 61 }, (_, layer) => ({
    layer,
    ...cell,
    idealPeriodNs: 800e3,
    bound: 'attention-bound',
  })),
  cells: Array.from({ length: 61 * 3 }, (_, i) => ({
    layer: Math.floor(i / 3),
    microbatch: i % 3,
    ...cell,
  })),
};

/** Answers the questions of deployment "demo"; what is not named is not found. */
async function answer(page: Page, answers: Answers): Promise<void> {
  const at = '1767225600000000000';
  await page.route('**/api/v1/deployments', (route) =>
    route.fulfill({
      json: {
        deployments: [
          {
            id: 'demo',
            topology: '8A4F',
            groups: [
              { group: 'attention', role: 'attention', workers: 8 },
              { group: 'ffn', role: 'ffn', workers: 4 },
            ],
            firstSeenUnixNs: at,
            lastSeenUnixNs: at,
            steps: 1,
            events: 1,
          },
        ],
      },
    }),
  );
  await page.route('**/api/v1/deployments/demo/*', (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1) ?? '';
    const given = answers[name];
    if (given === 'refused') return route.fulfill({ status: REFUSAL.status, json: REFUSAL });
    return given === undefined
      ? route.fulfill({ status: 404, json: problem('not-found', `There is no ${name}.`) })
      : route.fulfill({ json: given });
  });
}

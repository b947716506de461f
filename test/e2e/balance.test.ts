/** The Balance page of the running product, and a verdict that names who is slow. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { problem } from '#lib/api/problem.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { CHROMIUM, LOOKS, SIZES } from './browser.ts';
import { gpuReport } from './gpu-report.ts';
import { running } from './running.ts';
import { expectFits, expectSound, FOUND, pressTogether, soon } from './soon.ts';

describe.skipIf(CHROMIUM === null)('balance', () => {
  const run = running('demo');

  async function openBalance(page: Page, search = ''): Promise<void> {
    await page.goto(`${run.product.web}/balance${search}`);
    await page.waitForSelector('[data-testid="period-terms"]');
    await page.waitForSelector('[data-testid="whatif-table"]');
  }

  // First: what the store is asked about fifteen minutes takes the longer the more of them it holds.
  test('without steps, and while the answer does not come, the page says so', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await page.goto(
      `${run.product.web}/balance?from=2026-01-01T00%3A00%3A00Z&to=2026-01-01T00%3A01%3A00Z`,
    );
    await page.getByText('No steps in this window.').waitFor();
    await expectFits(page);

    const refusal = problem('timeout', 'The query took over 10 s. Choose a shorter window.');
    await page.route('**/report?*', (route) =>
      route.fulfill({ status: refusal.status, json: refusal }),
    );
    await page.goto(`${run.product.web}/balance?range=15m`);
    await page.getByText(refusal.detail).waitFor();
    await page.unroute('**/report?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForSelector('[data-testid="period-terms"]');
  });

  test.each(LOOKS)('every panel, $theme at $width x $height', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await openBalance(page);
    await soon(() => page.title()).toBe('Balance · afdscope');
    const marks = page.locator('[data-testid="gauge"] [role="img"]');
    await soon(() => marks.count()).toBe(2);
    await soon(() => marks.last().getAttribute('aria-label')).toMatch(/^Ea \/ Ef \d/);
    const widths = () => barWidths(page, '[data-testid="period-terms"] td [aria-hidden] > div');
    await soon(async () => (await widths()).length).toBeGreaterThanOrEqual(6);
    await soon(async () => Math.min(...(await widths()))).toBeGreaterThan(3);
    const terms = () => page.getByTestId('period-terms').textContent();
    await soon(async () => (await terms())?.match(/bound/g)).toHaveLength(1);
    await soon(() => page.getByTestId('side-attention').textContent()).toMatch(/compute\d/);
    await soon(() => page.getByTestId('whatif-baseline').textContent()).toMatch(
      /reproduces the measurement: \d+ steps?, measured [\d.]+ ms, replayed [\d.]+ ms, error/,
    );
    await page.waitForSelector('[data-testid="path-layers"] a');
    await soon(() => page.locator('[data-testid="path-layers"] a').count()).toBe(61);
    await soon(() => page.getByTestId('critical-path').textContent()).toMatch(/attention[\d.]+ %/);
    await expectSound({ page, complaints });
  });

  test('changes go into the URL, are answered, come back with it, and are reset', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await openBalance(page);
    await page.getByRole('button', { name: 'More: Micro-batches' }).click();
    await page.getByRole('button', { name: 'More: Attention workers' }).click();
    await page.getByRole('button', { name: 'More: Attention workers' }).click();
    await page.waitForURL(
      (url) => url.searchParams.getAll('set').join() === 'ratio=10A4F,microbatches=4',
    );
    await soon(() => page.getByTestId('whatif-changes').textContent()).toMatch(
      /10A4F instead of 8A4F.*4 micro-batches instead of 3/,
    );
    await soon(() => page.getByTestId('whatif-table').textContent()).toMatch(/10A4F, m = 4/);
    await soon(() => page.getByTestId('whatif-gain').textContent()).toMatch(/^[+−±][\d.]+ %$/);

    await page.reload();
    await page.waitForSelector('[data-testid="whatif-table"]');
    await soon(() => page.getByRole('textbox', { name: 'Attention workers' }).inputValue()).toBe(
      '10',
    );
    await page.getByTestId('whatif-reset').click();
    await page.waitForURL((url) => !url.searchParams.has('set'));
    await soon(() => page.getByTestId('whatif-changes').textContent()).toMatch(/No change yet/);
    await page.goBack();
    await soon(() => page.getByRole('textbox', { name: 'Attention workers' }).inputValue()).toBe(
      '10',
    );
    expect(complaints).toEqual([]);
  });

  test('an advice has its interval and its assumptions, and can be tried', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await run.product.setFaults({ scenario: 'ffn-bound' });
    try {
      await page.goto(`${run.product.web}/balance`);
      const advice = page.getByTestId('advice');
      await soon(() => advice.textContent(), FOUND).toMatch(
        /\dA\dF instead of 8A4F\+[\d.]+ %.*Assumes: /,
      );
      // Advice that may also cost something is of the healthy steps that are still in the window.
      const unsure = () =>
        advice
          .locator('[role="img"]')
          .evaluateAll((found) =>
            found
              .map((mark) => mark.getAttribute('aria-label') ?? '')
              .filter((label) => !/: \+[\d.]+ %, nine times in ten \+/.test(label)),
          );
      await soon(unsure).toEqual([]);
      await expectFits(page);
      await page
        .getByRole('button', { name: /^Try \dA\dF instead of 8A4F/ })
        .first()
        .click();
      await page.waitForURL((url) => /^ratio=\dA\dF$/.test(url.searchParams.get('set') ?? ''));
      await soon(() => page.getByTestId('whatif-gain').textContent()).toMatch(/^\+[\d.]+ %$/);
    } finally {
      await run.product.setFaults({ scenario: 'healthy' });
    }
    expect(complaints).toEqual([]);
  });

  test('by keyboard alone: the page, a slider, a stepper, a worker', async () => {
    const { page } = await run.visit('light', SIZES[1]);
    await page.goto(run.product.web);
    await page.waitForSelector('[data-testid="verdict"]');
    await pressTogether(page, 'g', 'b');
    await page.waitForURL(/\/balance$/);
    await page.waitForSelector('[data-testid="whatif-table"]');
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
    await expectFits(page);
  });

  test('numbers can be typed digit by digit; what is none changes nothing', async () => {
    const { page, complaints } = await run.visit('light', SIZES[1]);
    await openBalance(page);
    const attention = page.getByRole('textbox', { name: 'Attention workers' });
    await attention.click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.press('Backspace');
    await soon(() => attention.inputValue()).toBe('');
    await soon(() => attention.getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.type('16');
    await page.waitForURL((url) => /^ratio=16A\dF$/.test(url.searchParams.get('set') ?? ''));
    const network = page.getByRole('textbox', { name: 'Transfer times, times' });
    await network.click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('0.5');
    await soon(() => network.inputValue()).toBe('0.5');
    await page.waitForURL((url) => url.searchParams.getAll('set').includes('network=0.5'));
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('99');
    await soon(() => network.getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.press('Tab');
    await soon(() => network.inputValue()).toMatch(/^(0\.5|9)$/);
    expect(complaints).toEqual([]);
  });

  test('a change that cannot be read is answered by what is wrong with it', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await page.goto(`${run.product.web}/balance?set=ratio%3Dnonsense`);
    const alert = page.getByTestId('whatif-problem');
    await alert.waitFor();
    await soon(() => alert.textContent()).toContain('ratio=nonsense');
    // The rest of the page stands.
    await soon(() => page.getByTestId('period-terms').count()).toBe(1);
    await page.getByTestId('whatif-reset').click();
    await page.waitForSelector('[data-testid="whatif-table"]');
  });

  test('a newer question cancels the one before', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
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
    await soon(() => cancelled.some((url) => url.includes('microbatches%3D5'))).toBe(true);
    await soon(() => page.getByTestId('whatif-changes').textContent()).toMatch(
      /6 micro-batches instead of 3/,
    );
  });

  test.each(SIZES)('utilization of a GPU that is known, at $width x $height', async (size) => {
    const { page, complaints } = await run.visit('light', size);
    const json = gpuReport('deepseek-ai/DeepSeek-V3.2', 'NVIDIA H800');
    await page.route('**/report?*', (route) => route.fulfill({ json }));
    await page.goto(`${run.product.web}/balance?range=5m`);
    await page.waitForSelector('[data-testid="roofline"] circle');
    await soon(() => page.locator('[data-testid="roofline"] circle').count()).toBe(2);
    await soon(() => page.getByTestId('utilization').textContent()).toMatch(
      /attentionH800.*MFU.*FLOP\/s of .*MBU.*B\/s of .*ffnH800/,
    );
    await expectFits(page);
    expect(complaints).toEqual([]);
  });

  test('a window from rollups says what it does not know, and what to do', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    const raw = gpuReport('DeepSeek-V3.2 (simulated)', '');
    const json: ReportJson = {
      ...raw,
      exactness: 'rollup',
      balance: null,
      criticalPath: null,
      utilization: null,
    };
    await page.route('**/report?*', (route) => route.fulfill({ json }));
    await page.goto(`${run.product.web}/balance?range=7d`);
    await page.getByText(/answered from rollups, which know no balance/).waitFor();
    await page.getByText(/Rollups know no operations/).waitFor();
    await expectFits(page);
  });

  test('the verdict names a slow rank, and leads to the change that mends it', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await run.product.setFaults({ slowRank: { role: 'ffn', rank: 2, factor: 1.4 } });
    try {
      await page.goto(run.product.web);
      const verdict = page.getByTestId('verdict');
      await soon(() => verdict.textContent(), FOUND).toMatch(
        /^FFN-bound\. .*ffn\/2 is \d+ % slow\. → Check its device/,
      );
      // Two lines of 22 px, and the padding.
      const heightPx = () => verdict.evaluate((element) => element.clientHeight);
      await soon(heightPx).toBeLessThanOrEqual(2 * 22 + 26);
      await expectFits(page);
      await page.getByRole('link', { name: /^Check its device/ }).click();
      await page.waitForURL((url) => url.searchParams.get('set') === 'fix=ffn/2');
      await soon(() => page.getByTestId('whatif-gain').textContent()).toMatch(/^\+\d/);
    } finally {
      await run.product.setFaults({});
    }
    expect(complaints).toEqual([]);
  });

  test('a hung rank is what the verdict says, however old the figures are', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await page.goto(run.product.web);
    await page.waitForSelector('[data-testid="group-cards"]');
    await run.product.setFaults({ hungRank: { role: 'ffn', rank: 3 } });
    try {
      const verdict = page.getByTestId('verdict');
      await soon(() => verdict.textContent()).toMatch(
        /^Hung: ffn\/3 made no progress since .*; 11 workers wait for it\. →/,
      );
      await page.getByText('Quiet.').waitFor();
      await soon(() => page.locator('.stale [data-testid="verdict"]').count()).toBe(0);
      await expectFits(page);
      // Pages without a verdict say it above what was measured before.
      await pressTogether(page, 'g', 'b');
      await page.waitForURL(/\/balance$/);
      const banner = page.getByText(/^Hung\. ffn\/3 since .*; 11 workers wait for it\./);
      await banner.waitFor();
      await expectFits(page);
      await page.getByRole('link', { name: 'ffn/3' }).first().click();
      await page.waitForURL(
        (url) => url.pathname === '/stragglers' && url.searchParams.get('worker') === 'ffn/3',
      );
    } finally {
      await run.product.setFaults({});
    }
  });

  test('bars have the colours of their stages', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await openBalance(page);
    const bars = page.locator('[data-testid="period-terms"] td [aria-hidden] > div');
    const colours = () =>
      bars.evaluateAll((found) => found.map((bar) => getComputedStyle(bar).backgroundColor));
    for (const name of ['attention', 'expert', 'a2f', 'f2a'] as const) {
      await soon(colours).toContain(rgbOf(STAGE_COLOURS[name]));
    }
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

/** The Compare page of the running product: a worker becomes slow, and the page says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { compareSchema } from '#lib/api/compare.ts';
import { fetchTimelineSteps } from '#lib/api/timeline-client.ts';
import { CHROMIUM, LOOKS, SIZES } from './browser.ts';
import type { Product } from './product.ts';
import { running } from './running.ts';
import { expectSound, pressTogether, soon } from './soon.ts';

/** Of each side. */
const WINDOW_MS = 6_000;
/** A fault is in force so much later. */
const SETTLE_MS = 4_000;

describe.skipIf(CHROMIUM === null)('compare', () => {
  let search: string;

  const run = running('demo', async (product) => {
    const before = await storedWindow(product, 0);
    await product.setFaults({ slowRank: { role: 'ffn', rank: 2, factor: 1.3 } });
    const after = await storedWindow(product, Date.now() + SETTLE_MS);
    search = String(
      new URLSearchParams({
        a: 'demo',
        'a.from': before.from,
        'a.to': before.to,
        b: 'demo',
        'b.from': after.from,
        'b.to': after.to,
      }),
    );
  });

  async function openCompare(page: Page, query = search): Promise<void> {
    await page.goto(`${run.product.web}/compare?${query}`);
    await page.waitForSelector('[data-testid="compare-verdict"]');
  }

  const verdict = (page: Page): Promise<string | null> =>
    page.getByTestId('compare-verdict').textContent();

  test('the API answers its contract, and refuses with the name of the parameter', async () => {
    const answer = await fetch(`${run.product.web}/api/v1/compare?${search}`);
    expect(compareSchema.parse(await answer.json()).verdict.direction).toBe('slower');
    const wrong = await fetch(`${run.product.web}/api/v1/compare?a=demo&b.to=late`);
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ parameter: 'b.to' });
    const unknown = await fetch(`${run.product.web}/api/v1/compare?a=demo&b=nobody`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ parameter: 'b' });
  });

  test.each(LOOKS)('every panel, $theme at $width x $height', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await openCompare(page);
    await soon(() => page.title()).toBe('Compare · afdscope');
    await soon(() => verdict(page)).toMatch(/Slower.*experts of layers .* longer on ffn\/2/);
    await soon(() =>
      page.getByTestId('compare-changes').locator('li').first().textContent(),
    ).toMatch(/Experts .* on ffn\/2/);
    const step = page.locator('[data-figure="stepNs"]');
    await soon(() => step.textContent()).toMatch(/▲ \+[\d.]+ ms.*worse, very sure/);
    const map = page.getByTestId('compare-map-difference');
    await soon(async () => Number(await map.getAttribute('data-cells'))).toBeGreaterThan(400);
    await soon(async () => Number(await map.getAttribute('data-outliers'))).toBeGreaterThan(30);
    await soon(() => page.getByTestId('side-a').textContent()).toMatch(/8A4F/);
    await expectSound({ page, complaints });
  });

  test('swapping, the window before, only what differs: in the URL, and back with it', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await openCompare(page);
    await page.getByRole('button', { name: 'Swap A and B' }).click();
    await soon(() => verdict(page)).toMatch(/Faster/);
    const rows = page.locator('[data-figure]');
    const all = await rows.count();
    // Its state comes back from the URL, a moment later than check() would look for it.
    await page.getByRole('checkbox', { name: 'only those that differ' }).click();
    await soon(() => rows.count()).toBeLessThan(all);
    await soon(() => new URL(page.url()).searchParams.get('differs')).toBe('1');
    await page.reload();
    await page.waitForSelector('[data-testid="compare-verdict"]');
    await soon(() => verdict(page)).toMatch(/Faster/);
    await soon(() => rows.count()).toBeLessThan(all);
    await page.getByRole('button', { name: 'the window before B' }).click();
    await page.waitForURL((url) => url.searchParams.get('a.to') === url.searchParams.get('b.from'));
    expect(complaints).toEqual([]);
  });

  test('a wrong time is said at its field; a window without steps is said in words', async () => {
    const { page } = await run.visit('light', SIZES[1]);
    await openCompare(page);
    const start = page.getByRole('textbox', { name: 'Start of A' });
    await start.fill('soon');
    await start.press('Enter');
    await soon(() => start.getAttribute('aria-invalid')).toBe('true');
    const said = page.getByRole('alert').filter({ hasText: '"soon" is not a time' });
    await soon(() => said.count()).toBe(1);
    await openCompare(page, 'a=demo&a.from=2020-01-01T00:00:00Z&a.to=2020-01-01T00:01:00Z');
    await soon(() => verdict(page)).toMatch(/Nothing can be compared: no whole step of A/);
  });

  test('keys: g c opens the page, arrows read the map', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await openCompare(page);
    const map = page.getByRole('slider', { name: /Stages by layer, B against A/ });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await soon(() => map.getAttribute('aria-valuetext')).not.toBe('no cell');
    await page.goto(`${run.product.web}/health`);
    await page.waitForSelector('[data-testid="collector-state"]');
    await pressTogether(page, 'g', 'c');
    await page.waitForURL((url) => url.pathname === '/compare');
  });
});

/** The newest window after `sinceMs` whose steps are stored, from its start to its end. */
async function storedWindow(
  { web }: Product,
  sinceMs: number,
): Promise<{ readonly from: string; readonly to: string }> {
  const at = (ms: number): string => new Date(ms).toISOString();
  const hasSteps = async (fromMs: number): Promise<boolean> => {
    const second = { from: at(fromMs), to: at(fromMs + 1_000) };
    const asked = fetchTimelineSteps('demo', second, { baseUrl: web });
    // Until the first worker reports there is no deployment to ask about.
    return (await asked.catch(() => ({ steps: [] }))).steps.length > 0;
  };
  for (let tries = 0; tries < 240; tries++) {
    const toMs = Date.now() - SETTLE_MS;
    const fromMs = toMs - WINDOW_MS;
    if (fromMs > sinceMs && (await hasSteps(fromMs)) && (await hasSteps(toMs - 1_000))) {
      return { from: at(fromMs), to: at(toMs) };
    }
    await sleep(500);
  }
  throw new Error(`The demo stored no whole window of ${WINDOW_MS} ms.`);
}

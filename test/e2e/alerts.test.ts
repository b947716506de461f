/** Alerts, rules and incidents of the running product, with a fault in its simulated cluster. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

/** The machine may be busy, and rules wait for a while before they fire. */
const SOON = { timeout: 60_000 };
const FIRED = { timeout: 90_000 };

const SLOW = { slowRank: { role: 'ffn', rank: 2, factor: 1.5 } };

describe.skipIf(CHROMIUM === null)('alerts', () => {
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

  test('nothing is wrong: how many rules watch, and where the rules are', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await page.goto(`${product.web}/alerts`);
    const glance = page.getByTestId('alerts-glance');
    await expect.poll(() => glance.textContent(), SOON).toMatch(/\d+ rules watch/);
    await expect.poll(() => page.getByTestId('last-look').textContent(), SOON).toMatch(/s ago/);
    await page.getByRole('tab', { name: 'Deliveries & receivers' }).click();
    await expect
      .poll(() => page.getByTestId('receivers').textContent(), SOON)
      .toContain('AFDSCOPE_ALERTS_RECEIVERS');
    await page.goto(`${product.web}/incidents`);
    await page.getByRole('heading', { name: 'Incidents' }).waitFor(SOON);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a slow worker fires; it is silenced; its incident leads to the timeline', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[0]);
    await product.setFaults(SLOW);
    await page.goto(`${product.web}/alerts`);
    const firing = page.getByTestId('alerts-firing');
    const row = firing.locator('[data-testid="alert"][data-rule="straggler"]').first();
    await row.waitFor(FIRED);
    await expect.poll(() => row.textContent(), SOON).toContain('ffn/2');
    await expect
      .poll(() => page.getByTestId('alerts-glance').textContent(), SOON)
      .toMatch(/warning|critical/);
    await expect.poll(() => page.getByTestId('alert-badge').count(), SOON).toBe(1);
    const incident = row.getByRole('link', { name: 'Incident' });
    await incident.waitFor(SOON);

    // Silenced with what its row fills in; a comment is asked for.
    await row.getByRole('button', { name: 'Silence' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Silence' }).click();
    await expect.poll(() => dialog.textContent(), SOON).toContain('say why');
    await dialog.getByLabel('Your name').fill('mara');
    await dialog.getByLabel('Comment').fill('capped on purpose');
    await dialog.getByRole('button', { name: 'Silence' }).click();
    await expect.poll(() => dialog.count(), SOON).toBe(0);
    const quiet = page.getByTestId('alerts-quiet').locator('[data-rule="straggler"]').first();
    await quiet.waitFor(SOON);
    await page.getByRole('tab', { name: 'Silences' }).click();
    const silence = page.getByTestId('silence').first();
    await expect.poll(() => silence.textContent(), SOON).toContain('worker="ffn/2"');
    await silence.getByRole('button', { name: 'Expire' }).click();
    await expect.poll(() => silence.getAttribute('data-state'), SOON).toBe('expired');

    // Alert, incident, timeline.
    await page.getByRole('tab', { name: 'Active' }).click();
    await incident.first().click();
    await page.waitForURL(/\/incidents\/./, SOON);
    const shown = page.getByTestId('incident-page');
    await shown.waitFor(SOON);
    await expect
      .poll(() => page.getByTestId('incident-alerts').textContent(), SOON)
      .toContain('straggler');
    await page.getByRole('button', { name: 'acknowledged' }).click();
    await expect
      .poll(
        () => page.getByRole('button', { name: 'acknowledged' }).getAttribute('aria-pressed'),
        SOON,
      )
      .toBe('true');
    await page.getByLabel('Note', { exact: true }).fill('clock capped');
    await page.getByRole('button', { name: 'Add note' }).click();
    await expect
      .poll(() => page.getByTestId('incident-notes').textContent(), SOON)
      .toContain('clock capped');
    await shown.getByRole('link', { name: 'Timeline', exact: true }).click();
    await page.waitForURL(/\/timeline\?.*at=\d+/, SOON);
    await page.getByTestId('timeline').waitFor(SOON);

    // The charts of the Overview carry its mark.
    await page.goto(`${product.web}/`);
    await page
      .locator('[data-testid="trend-busy"] [data-testid="alert-mark"][data-rule="straggler"]')
      .first()
      .waitFor({ ...SOON, state: 'attached' });
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a rule is tried while it is written, saved, and fires', async () => {
    const { page, context, complaints } = await visit(browser, 'light', SIZES[0]);
    await page.goto(`${product.web}/rules`);
    await page.getByRole('button', { name: 'New rule' }).click();
    const editor = page.getByTestId('rule-editor');
    await editor.getByLabel('Name', { exact: true }).fill('busy-at-all');
    await editor.getByLabel('Figure').selectOption('busy_ratio');
    const threshold = editor.getByLabel('Threshold');
    await threshold.fill('0.x');
    await expect.poll(() => editor.textContent(), SOON).toContain('write a number');
    await expect
      .poll(() => editor.getByRole('button', { name: 'Save' }).isDisabled(), SOON)
      .toBe(true);
    await threshold.fill('0.01');
    await editor.getByLabel('Window').fill('5s');
    await editor.getByLabel('For', { exact: true }).fill('0s');
    await editor.getByLabel('Keeps an incident').selectOption('no');
    const sentence = editor.getByTestId('preview-sentence');
    await expect.poll(() => sentence.textContent(), SOON).toMatch(/^Would have fired/);
    await expect
      .poll(() => editor.getByTestId('preview-chart').getAttribute('data-fired'), SOON)
      .not.toBe('0');
    // What the fields say is what the text says, and the other way round.
    await editor.getByRole('button', { name: 'YAML', exact: true }).first().click();
    const text = editor.getByTestId('rule-yaml');
    await expect.poll(() => text.inputValue(), SOON).toContain('threshold: 0.01');
    await text.fill((await text.inputValue()).replace('for: 0s', '').concat('severity: info\n'));
    await expect.poll(() => editor.textContent(), SOON).toMatch(/severity|unique/i);
    await text.fill('name: busy-at-all\nmetric: busy_ratio\nthreshold: 0.01\nwindow: 5s\n');
    await editor.getByRole('button', { name: 'Save', exact: true }).click();
    const listed = page.locator('[data-testid="rule"][data-rule="busy-at-all"]');
    await expect.poll(() => listed.textContent(), SOON).toContain('made here');
    await expect.poll(() => listed.textContent(), FIRED).toMatch(/\d firing/);
    await listed.getByRole('switch').click();
    await expect
      .poll(() => listed.getByRole('switch').getAttribute('aria-checked'), SOON)
      .toBe('false');
    await page.waitForURL(/rule=busy-at-all/, SOON);
    await editor.getByRole('button', { name: 'Delete' }).click();
    await editor.getByRole('button', { name: 'Delete it' }).click();
    await expect.poll(() => listed.count(), SOON).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('keys go to the pages; the last minute is frozen without a mouse', async () => {
    const { page, context, complaints } = await visit(browser, 'dark', SIZES[1]);
    await page.goto(`${product.web}/health`);
    await page.getByTestId('collector-state').waitFor(SOON);
    for (const [key, path] of [
      ['r', '/rules'],
      ['i', '/incidents'],
      ['a', '/alerts'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname === path, SOON);
    }
    const button = page.getByRole('button', { name: 'Freeze' });
    await expect.poll(() => button.isEnabled(), SOON).toBe(true);
    await button.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor(SOON);
    await dialog.getByRole('button', { name: 'last minute' }).focus();
    await page.keyboard.press('Space');
    await dialog.getByLabel('Title').focus();
    await page.keyboard.type('odd steps');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/incidents\/./, SOON);
    await expect.poll(() => page.locator('h1').textContent(), SOON).toBe('odd steps');
    await expect
      .poll(() => page.getByTestId('evidence').textContent(), SOON)
      .toMatch(/kept|partial/);
    await expect
      .poll(() => page.getByTestId('incident-verdict').textContent(), FIRED)
      .toMatch(/\./);
    expect(complaints).toEqual([]);
    await context.close();
  });

  describe.each(THEMES)('%s', (theme) => {
    test.each(SIZES)('every page fits at $width x $height', async (size) => {
      const { page, context, complaints } = await visit(browser, theme, size);
      const { incidents } = await (await fetch(`${product.web}/api/v1/incidents`)).json();
      const id = String(incidents[0]?.id);
      for (const [path, ready] of [
        ['/alerts', '[data-testid="alerts-glance"]'],
        ['/alerts?tab=history', '[data-testid="alert-history"], [data-testid="no-history"]'],
        ['/alerts?tab=silences', '[data-testid="silence"], [data-testid="no-silences"]'],
        ['/rules?rule=straggler', '[data-testid="rule-editor"]'],
        ['/incidents', '[data-testid="incidents"]'],
        [`/incidents/${id}`, '[data-testid="incident-page"]'],
      ] as const) {
        await page.goto(product.web + path);
        await page.locator(ready).first().waitFor(SOON);
        expect(await overflowing(page), path).toEqual([]);
        expect(await namelessControls(page), path).toEqual([]);
      }
      expect(complaints).toEqual([]);
      await context.close();
    });
  });

  test('the history has the episode, with its changes, and leads to the rule', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await page.goto(`${product.web}/alerts?tab=history&rule=straggler`);
    const episode = page.locator('[data-testid="episode"][data-rule="straggler"]').first();
    await episode.waitFor(SOON);
    await episode.getByRole('button').first().click();
    await expect.poll(() => episode.textContent(), SOON).toContain('fired');
    await episode.getByRole('link', { name: 'straggler' }).click();
    await page.waitForURL(/\/rules\?.*rule=straggler/, SOON);
    await page.getByTestId('rule-editor').waitFor(SOON);
    await context.close();
  });
});

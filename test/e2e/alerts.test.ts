/** Alerts, rules and incidents of the running product, with a fault in its simulated cluster. */
import { describe, expect, test } from 'vitest';
import { incidentsSchema } from '#lib/api/incidents.ts';
import { CHROMIUM, LOOKS, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectSound, FOUND, pressTogether, soon } from './soon.ts';

const SLOW = { slowRank: { role: 'ffn', rank: 2, factor: 1.5 } };

describe.skipIf(CHROMIUM === null)('alerts', () => {
  const run = running('demo');

  test('nothing is wrong: how many rules watch, and where the rules are', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await page.goto(`${run.product.web}/alerts`);
    const glance = page.getByTestId('alerts-glance');
    await soon(() => glance.textContent()).toMatch(/\d+ rules watch/);
    await soon(() => page.getByTestId('last-look').textContent()).toMatch(/s ago/);
    await page.getByRole('tab', { name: 'Deliveries & receivers' }).click();
    await soon(() => page.getByTestId('receivers').textContent()).toContain(
      'AFDSCOPE_ALERTS_RECEIVERS',
    );
    await page.goto(`${run.product.web}/incidents`);
    await page.getByRole('heading', { name: 'Incidents' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a slow worker fires; it is silenced; its incident leads to the timeline', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await run.product.setFaults(SLOW);
    await page.goto(`${run.product.web}/alerts`);
    const firing = page.getByTestId('alerts-firing');
    const row = firing.locator('[data-testid="alert"][data-rule="straggler"]').first();
    await row.waitFor(FOUND);
    await soon(() => row.textContent()).toContain('ffn/2');
    await soon(() => page.getByTestId('alerts-glance').textContent()).toMatch(/warning|critical/);
    await soon(() => page.getByTestId('alert-badge').count()).toBe(1);
    const incident = row.getByRole('link', { name: 'Incident' });
    await incident.waitFor();

    // Silenced with what its row fills in; a comment is asked for.
    await row.getByRole('button', { name: 'Silence' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Silence' }).click();
    await soon(() => dialog.textContent()).toContain('say why');
    await dialog.getByLabel('Your name').fill('mara');
    await dialog.getByLabel('Comment').fill('capped on purpose');
    await dialog.getByRole('button', { name: 'Silence' }).click();
    await soon(() => dialog.count()).toBe(0);
    const quiet = page.getByTestId('alerts-quiet').locator('[data-rule="straggler"]').first();
    await quiet.waitFor();
    await page.getByRole('tab', { name: 'Silences' }).click();
    const silence = page.getByTestId('silence').first();
    await soon(() => silence.textContent()).toContain('worker="ffn/2"');
    await silence.getByRole('button', { name: 'Expire' }).click();
    await soon(() => silence.getAttribute('data-state')).toBe('expired');

    // Alert, incident, timeline.
    await page.getByRole('tab', { name: 'Active' }).click();
    await incident.first().click();
    await page.waitForURL(/\/incidents\/./);
    const shown = page.getByTestId('incident-page');
    await shown.waitFor();
    await soon(() => page.getByTestId('incident-alerts').textContent()).toContain('straggler');
    await page.getByRole('button', { name: 'acknowledged' }).click();
    await soon(() =>
      page.getByRole('button', { name: 'acknowledged' }).getAttribute('aria-pressed'),
    ).toBe('true');
    await page.getByLabel('Note', { exact: true }).fill('clock capped');
    await page.getByRole('button', { name: 'Add note' }).click();
    await soon(() => page.getByTestId('incident-notes').textContent()).toContain('clock capped');
    await shown.getByRole('link', { name: 'Timeline', exact: true }).click();
    await page.waitForURL(/\/timeline\?.*at=\d+/);
    await page.getByTestId('timeline').waitFor();

    // The charts of the Overview carry its mark.
    await page.goto(`${run.product.web}/`);
    await page
      .locator('[data-testid="trend-busy"] [data-testid="alert-mark"][data-rule="straggler"]')
      .first()
      .waitFor({ state: 'attached' });
    expect(complaints).toEqual([]);
  });

  test('a rule is tried while it is written, saved, and fires', async () => {
    const { page, complaints } = await run.visit('light', SIZES[0]);
    await page.goto(`${run.product.web}/rules`);
    await page.getByRole('button', { name: 'New rule' }).click();
    const editor = page.getByTestId('rule-editor');
    await editor.getByLabel('Name', { exact: true }).fill('busy-at-all');
    await editor.getByLabel('Figure').selectOption('busy_ratio');
    const threshold = editor.getByLabel('Threshold');
    await threshold.fill('0.x');
    await soon(() => editor.textContent()).toContain('write a number');
    await soon(() => editor.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await threshold.fill('0.01');
    await editor.getByLabel('Window', { exact: true }).fill('5s');
    await editor.getByLabel('For', { exact: true }).fill('0s');
    await editor.getByLabel('Keeps an incident').selectOption('no');
    const sentence = editor.getByTestId('preview-sentence');
    await soon(() => sentence.textContent()).toMatch(/^Would have fired/);
    await soon(() => editor.getByTestId('preview-chart').getAttribute('data-fired')).not.toBe('0');
    // What the fields say is what the text says, and the other way round.
    await editor.getByRole('button', { name: 'YAML', exact: true }).first().click();
    const text = editor.getByTestId('rule-yaml');
    await soon(() => text.inputValue()).toContain('threshold: 0.01');
    await text.fill('name: busy-at-all\nmetric: busy_ratio\nthreshold: lots\n');
    await soon(() => editor.textContent()).toContain('line 3');
    await text.fill('name: busy-at-all\nmetric: busy_ratio\nthreshold: 0.01\nwindow: 5s\n');
    await editor.getByRole('button', { name: 'Save', exact: true }).click();
    const listed = page.locator('[data-testid="rule"][data-rule="busy-at-all"]');
    await soon(() => listed.textContent()).toContain('made here');
    await soon(() => listed.textContent(), FOUND).toMatch(/\d firing/);
    await listed.getByRole('switch').click();
    await soon(() => listed.getByRole('switch').getAttribute('aria-checked')).toBe('false');
    await page.waitForURL(/rule=busy-at-all/);
    await editor.getByRole('button', { name: 'Delete' }).click();
    await editor.getByRole('button', { name: 'Delete it' }).click();
    await soon(() => listed.count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('keys go to the pages; the last minute is frozen without a mouse', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[1]);
    await page.goto(`${run.product.web}/health`);
    await page.getByTestId('collector-state').waitFor();
    for (const [key, path] of [
      ['r', '/rules'],
      ['i', '/incidents'],
      ['a', '/alerts'],
    ] as const) {
      await pressTogether(page, 'g', key);
      await page.waitForURL((url) => url.pathname === path);
    }
    const button = page.getByRole('button', { name: 'Freeze' });
    await soon(() => button.isEnabled()).toBe(true);
    await button.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await dialog.getByRole('button', { name: 'last minute' }).focus();
    await page.keyboard.press('Space');
    await dialog.getByLabel('Title').focus();
    await page.keyboard.type('odd steps');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/incidents\/./);
    await soon(() => page.locator('h1').textContent()).toBe('odd steps');
    await soon(() => page.getByTestId('evidence').textContent()).toMatch(/kept|partial/);
    await soon(() => page.getByTestId('incident-verdict').textContent(), FOUND).toMatch(/\./);
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('every page fits, $theme at $width x $height', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    const listed = await (await fetch(`${run.product.web}/api/v1/incidents`)).json();
    const id = incidentsSchema.parse(listed).incidents[0]?.id ?? '';
    for (const [path, ready] of [
      ['/alerts', '[data-testid="alerts-glance"]'],
      ['/alerts?tab=history', '[data-testid="alert-history"], [data-testid="no-history"]'],
      ['/alerts?tab=silences', '[data-testid="silence"], [data-testid="no-silences"]'],
      ['/rules?rule=straggler', '[data-testid="rule-editor"]'],
      ['/incidents', '[data-testid="incidents"]'],
      [`/incidents/${id}`, '[data-testid="incident-page"]'],
    ] as const) {
      await page.goto(run.product.web + path);
      await page.locator(ready).first().waitFor();
      await expectSound({ page, complaints });
    }
  });

  test('the history has the episode, with its changes, and leads to the rule', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await page.goto(`${run.product.web}/alerts?tab=history&rule=straggler`);
    const episode = page.locator('[data-testid="episode"][data-rule="straggler"]').first();
    await episode.waitFor();
    await episode.getByRole('button').first().click();
    await soon(() => episode.textContent()).toContain('fired');
    await episode.getByRole('link', { name: 'straggler' }).click();
    await page.waitForURL(/\/rules\?.*rule=straggler/);
    await page.getByTestId('rule-editor').waitFor();
  });
});

/** Stragglers, Experts and Layers with answers of every kind: large, empty, failing, of a hang. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { problem } from '#lib/api/problem.ts';
import {
  sampleExperts,
  sampleHang,
  sampleStragglers,
  sampleWaits,
} from '#test/lib/view/sample-culprits.ts';
import { CHROMIUM, inkOf, LOOKS, namelessControls, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectFits, expectSound, soon } from './soon.ts';

const REFUSAL = problem('timeout', 'The query took over 10 s. Choose a shorter window.');

/** An answer, or a refusal that the question gets. */
type Answers = Readonly<Record<string, object | 'refused'>>;

describe.skipIf(CHROMIUM === null)('culprits, states', () => {
  const run = running('up');

  test.each(LOOKS)('320 workers, $theme at $width x $height: all in a matrix', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await answer(page, {
      stragglers: sampleStragglers(256, 64, { worker: 'ffn/12', load: 0.02, device: 0.2 }),
      waits: sampleWaits(256, 64, { slowFfn: 12 }),
    });
    await page.goto(`${run.product.web}/stragglers?range=5m&worker=ffn/12`);
    const matrix = page.getByTestId('waits-attention-ffn');
    await matrix.waitFor();
    await soon(() => matrix.getAttribute('data-cells')).toBe(String(256 * 64));
    await soon(() => matrix.getAttribute('data-outliers')).toBe('256');
    for (const id of ['waits-attention-ffn', 'waits-ffn-attention', 'score-matrix']) {
      await soon(() => inkOf(page, `[data-testid="${id}"]`), { message: id }).toBeGreaterThan(
        2_000,
      );
    }
    await expectFits(page);
    await soon(() => namelessControls(page)).toEqual([]);

    // The last row is reached by keys, scrolled to, and named.
    const slider = page.getByRole('slider', { name: /^Attention waited because of FFN/ });
    await slider.focus();
    await page.keyboard.press('ArrowDown');
    for (let i = 0; i < 17; i++) await page.keyboard.press('PageDown');
    await page.keyboard.press('End');
    await soon(() => slider.getAttribute('aria-valuetext')).toMatch(/^attention\/255, ffn\/63: /);
    await soon(() => slider.evaluate((box) => box.scrollTop)).toBeGreaterThan(500);
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)(
    'a hang, $theme at $width x $height: chain, first fault, last keys',
    async (look) => {
      const { page, complaints } = await run.visit(look.theme, look);
      await answer(page, {
        stragglers: {
          ...sampleStragglers(8, 4),
          hangs: [sampleHang(8, 4, false), sampleHang(8, 4, true)],
        },
        waits: sampleWaits(8, 4),
      });
      await page.goto(`${run.product.web}/stragglers?range=5m`);
      const panels = page.getByTestId('hang-panel');
      await panels.first().waitFor();
      await soon(() => panels.count()).toBe(2);
      await soon(() => panels.first().getAttribute('data-on')).toBe('true');
      await soon(() => panels.first().textContent()).toMatch(
        /ffn\/1 hangs since .*11 workers wait/,
      );
      await soon(() => panels.last().textContent()).toMatch(/ffn\/1 hung at .* for 7\.50 s/);
      await soon(() => page.getByTestId('hang-chain').first().textContent()).toMatch(
        /ffn\/1 · first fault.*attention\/0–7.*ffn\/0, ffn\/2–3/,
      );
      const rows = page.getByTestId('hang-workers').first().locator('tbody tr');
      await soon(() => rows.count()).toBe(3);
      await panels.last().locator('summary').click();
      await page.getByTestId('hang-chain').last().waitFor();
      await expectSound({ page, complaints });
    },
  );

  test.each(LOOKS)('experts, $theme at $width x $height: maps, tables, scatter', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await answer(page, { experts: sampleExperts(4, 61, { perRank: 64, forced: false }) });
    await page.goto(`${run.product.web}/experts?range=5m`);
    await page.getByTestId('expert-map').waitFor();
    for (const id of ['expert-map', 'expert-layer-map', 'expert-scatter']) {
      await soon(() => inkOf(page, `[data-testid="${id}"]`), { message: id }).toBeGreaterThan(500);
    }
    await soon(() => page.getByTestId('expert-headline').textContent()).toMatch(
      /vLLM balancedness.*SGLang balancedness/,
    );
    await soon(() => page.getByTestId('expert-layer').textContent()).toMatch(
      /layer 20 · most uneven/,
    );
    await soon(() => page.getByTestId('forced-routing').count()).toBe(0);
    for (const figure of ['Max / mean', 'Active experts', 'Time']) {
      await page.getByRole('button', { name: figure, exact: true }).click();
      await soon(() => inkOf(page, '[data-testid="expert-map"]'), {
        message: figure,
      }).toBeGreaterThan(500);
    }
    await page.waitForURL(/experts=time/);
    await expectSound({ page, complaints });
  });

  test.each(LOOKS)('stacks of layers, $theme at $width x $height', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await answer(page, { breakdown: BREAKDOWN, waits: sampleWaits(8, 4, { oddLayer: 33 }) });
    await page.goto(`${run.product.web}/layers?range=5m`);
    await page.getByTestId('layer-stack').waitFor();
    await soon(() => inkOf(page, '[data-testid="layer-stack"]')).toBeGreaterThan(20_000);
    const findings = page.getByTestId('layer-findings');
    await soon(() => findings.textContent()).toMatch(/first MoE layer, 3, is like the others/);
    await page.getByRole('button', { name: 'Waiting' }).click();
    await page.waitForURL(/stack=causes/);
    await soon(() => findings.textContent()).toMatch(/FFN workers wait 2\.\d+ ms/);
    await soon(() => inkOf(page, '[data-testid="layer-stack"]')).toBeGreaterThan(5_000);
    await findings.getByRole('button', { name: 'Layer 33' }).first().click();
    await page.waitForURL(/layer=33/);
    await soon(() => page.locator('tr[data-layer="33"] [aria-label="stands out"]').count()).toBe(1);
    await expectFits(page);
    await soon(() => namelessControls(page)).toEqual([]);
    // The report, whose critical path has no part in this, is not there.
    expect(complaints.filter((text) => !/404|\/report/.test(text))).toEqual([]);
  });

  test('nobody is slow: what was looked at, and how near the nearest is', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await answer(page, { stragglers: sampleStragglers(8, 4), waits: sampleWaits(8, 4) });
    await page.goto(`${run.product.web}/stragglers?range=5m`);
    await soon(() => page.getByTestId('nobody-slow').textContent()).toMatch(
      /8 attention \+ 4 ffn workers, 30 windows of 1\.00 s: nobody over 4\..*ffn\/\d/,
    );
  });

  test('a window without steps: nobody to compare, nobody waited', async () => {
    const { page } = await run.visit('light', SIZES[1]);
    await answer(page, {
      stragglers: { ...sampleStragglers(8, 4), trends: [] },
      waits: { ...sampleWaits(0, 0, { layers: 0 }), matrices: [] },
    });
    await page.goto(`${run.product.web}/stragglers?range=5m`);
    await page.getByText('Nobody to compare').waitFor();
    await page.getByText('Nobody waited for a peer in this window').waitFor();
    await expectFits(page);
  });

  test('one answer that cannot be had is named, the rest of the page stands', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await answer(page, { stragglers: sampleStragglers(8, 4), waits: 'refused' });
    await page.goto(`${run.product.web}/stragglers?range=5m`);
    await page.getByTestId('nobody-slow').waitFor();
    // Refusals are asked again before they are said.
    await page.getByText('No wait matrices.').waitFor();
    await soon(() => page.locator('main [role="alert"]').textContent()).toContain(REFUSAL.detail);
    await expectFits(page);
  });

  test.each([
    ['/stragglers', 'stragglers'],
    ['/experts', 'experts'],
    ['/layers', 'breakdown'],
  ])('%s without its answer says why, and asks again', async (path, question) => {
    const { page } = await run.visit('light', SIZES[1]);
    await answer(page, { [question]: 'refused' });
    await page.goto(`${run.product.web}${path}?range=5m`);
    const alert = page.locator('main [role="alert"]');
    await alert.waitFor();
    await soon(() => alert.textContent()).toContain(REFUSAL.detail);
    await soon(() => page.getByRole('button', { name: 'Try again' }).count()).toBe(1);
  });

  test('loading is a skeleton', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await answer(page, {});
    await page.route('**/api/v1/deployments/demo/stragglers*', () => {});
    await page.goto(`${run.product.web}/stragglers?range=5m`);
    await page.locator('main .skeleton').first().waitFor();
    await expectFits(page);
  });

  test('senders without expert loads are told what to send', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await answer(page, { experts: sampleExperts(4, 61, { measures: 'none' }) });
    await page.goto(`${run.product.web}/experts?range=5m`);
    for (const name of ['afd.tokens', 'afd.experts.active', 'afd.expert_tokens']) {
      await soon(() => page.getByTestId('no-experts').textContent()).toContain(name);
    }
    await expectFits(page);
  });

  test('tokens without lists: the map stands, single experts are asked for', async () => {
    const { page } = await run.visit('light', SIZES[1]);
    await answer(page, { experts: sampleExperts(4, 61, { measures: 'tokens' }) });
    await page.goto(`${run.product.web}/experts?range=5m`);
    await page.getByTestId('expert-map').waitFor();
    await page.getByText(/No list of experts/).waitFor();
    await page.getByText('send afd.expert_tokens to see which').waitFor();
    await page.getByRole('button', { name: 'Active experts', exact: true }).click();
    await page.getByText('do not carry this figure').waitFor();
  });

  test('equal tokens everywhere: forced routing is said', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await answer(page, { experts: sampleExperts(4, 61, { forced: true }) });
    await page.goto(`${run.product.web}/experts?range=5m`);
    await page.getByTestId('forced-routing').waitFor();
    await soon(() => page.getByTestId('forced-routing').textContent()).toMatch(/^Forced routing\./);
    await expectFits(page);
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

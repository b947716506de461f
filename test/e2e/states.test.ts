/** The pages when something is missing: nothing yet, nothing answered, an old picture, a dead collector. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { Condition } from '#lib/api/condition.ts';
import type { Health } from '#lib/api/health.ts';
import { problem } from '#lib/api/problem.ts';
import { CHROMIUM, LOOKS, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectFits, soon } from './soon.ts';

const EMPTY_STORE = { databaseBytes: 4096, walBytes: 0, rawBytes: 0, oldestRawUnixNs: null };
const CONDITIONS: Condition[] = [
  {
    name: 'disk-full',
    severity: 'critical',
    notReady: true,
    sinceUnixMs: Date.now() - 65_000,
    detail: `/srv/${'a-long-folder-name-without-a-break'.repeat(3)}/afdscope.db: the disk is full (SQLITE_FULL)`,
    remedy: 'Free space on that disk, or lower retention.rawBytes and restart.',
  },
  {
    name: 'clock',
    severity: 'warning',
    notReady: false,
    sinceUnixMs: Date.now() - 7_200_000,
    detail: 'the wall clock of this machine jumped back by 2.0 h',
    remedy: 'Check NTP on the collector’s machine.',
  },
];

describe.skipIf(CHROMIUM === null)('states', () => {
  const run = running('up');

  test.each(LOOKS)('empty, $theme at $width x $height: how to connect a worker', async (look) => {
    const { page, complaints } = await run.visit(look.theme, look);
    await page.goto(run.product.web);
    await page.waitForSelector('[data-testid="empty-state"]');
    const command = `OTEL_EXPORTER_OTLP_ENDPOINT=${run.product.runtime.otlpHttp} `;
    await soon(() => page.getByTestId('empty-state').textContent()).toContain(command);
    await expectFits(page);
    // An empty store is no error: the browser must not have been told of one.
    expect(complaints.filter((text) => !text.includes('/api/v1/deployments'))).toEqual([]);
  });

  test('an answer that cannot be had says what to do, and comes back', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    const refusal = problem('timeout', 'The query took over 10 s. Choose a shorter window.');
    let isRefusing = true;
    await page.route('**/api/v1/deployments', (route) =>
      isRefusing ? route.fulfill({ status: refusal.status, json: refusal }) : route.continue(),
    );
    await page.goto(run.product.web);
    const alert = page.locator('main [role="alert"]');
    await alert.waitFor();
    await soon(() => alert.textContent()).toContain(refusal.detail);
    isRefusing = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForSelector('[data-testid="empty-state"]');
  });

  test('a collector that is down is said on every page', async () => {
    const { page } = await run.visit('light', SIZES[1]);
    await routeHealth(page, (health) => ({
      ...health,
      collector: { ...health.collector, state: 'down', detail: 'It does not answer.' },
    }));
    for (const path of ['/', '/layers', '/health']) {
      await page.goto(run.product.web + path);
      await page.getByText('Collector down.').waitFor();
      await expectFits(page);
    }
    await soon(() => page.getByTestId('collector-state').textContent()).toBe('down');
  });

  test.each(LOOKS)(
    'conditions, $theme at $width x $height: on every page, with all facts on Health',
    async (look) => {
      const { page, complaints } = await run.visit(look.theme, look);
      await routeHealth(page, (health) => ({
        ...health,
        store: { ...EMPTY_STORE, damagedChunks: 3 },
        collector: {
          ...health.collector,
          state: 'degraded',
          detail: '',
          queueWaitMs: 1840,
          waitingRequests: 64,
          refused: { over_budget: 12, overloaded: 1200, unavailable: 5 },
          conditions: CONDITIONS,
        },
      }));
      for (const path of ['/', '/layers', '/health']) {
        await page.goto(run.product.web + path);
        await page.getByText('Disk full.').waitFor();
        await page.getByText('Clock jumped.').waitFor();
        await expectFits(page);
      }
      const conditions = page.getByTestId('conditions');
      for (const { name, detail, remedy } of CONDITIONS) {
        for (const part of [name, detail, remedy]) {
          await soon(() => conditions.textContent()).toContain(part);
        }
      }
      await soon(() => page.getByTestId('collector-state').textContent()).toBe('degraded');
      await soon(() => page.getByTestId('refused-requests').getAttribute('title')).toBe(
        '1,200 overloaded, 12 over budget, 5 unavailable',
      );
      await page.getByText('Damaged chunks').waitFor();
      expect(complaints.filter((text) => !text.includes('/api/v1/deployments'))).toEqual([]);
    },
  );

  test('refused events are named with what to do', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await routeHealth(page, (health) => ({
      ...health,
      totals: [
        {
          deployment: 'prod',
          acceptedEvents: 1_000_000,
          acceptedMetricPoints: 0,
          logRecords: 3,
          rejected: { no_role: 7, late: 2, something_new: 1 },
        },
      ],
    }));
    await page.goto(`${run.product.web}/health`);
    const reasons = page.getByTestId('reject-reasons');
    await soon(() => reasons.textContent()).toMatch(/No role.*not stored/);
    await soon(() => reasons.textContent()).toMatch(/something_new/);
    await soon(() => reasons.textContent()).toContain('OTEL_RESOURCE_ATTRIBUTES');
    await expectFits(page);
  });

  test('a deployment without steps in the window says which window has some', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    const lastSeenUnixNs = '1767225600000000000';
    await page.route('**/api/v1/deployments', (route) =>
      route.fulfill({
        json: {
          deployments: [
            {
              id: 'old',
              topology: '2A1F',
              groups: [],
              firstSeenUnixNs: lastSeenUnixNs,
              lastSeenUnixNs,
              steps: 1,
              events: 1,
            },
          ],
        },
      }),
    );
    await page.route('**/api/v1/deployments/old/*', (route) =>
      route.fulfill({ status: 404, json: problem('not-found', 'There is no deployment "old".') }),
    );
    await page.goto(`${run.product.web}/?range=5m`);
    await page.getByText('Its newest event is from 2026-01-01 00:00:00.').waitFor();
    await page.getByText('There is no deployment "old".').waitFor();
  });

  test('an unknown page leads back', async () => {
    const { page } = await run.visit('dark', SIZES[1]);
    await page.goto(`${run.product.web}/nowhere`);
    await page.getByText('There is no such page').waitFor();
  });

  async function routeHealth(page: Page, change: (health: Health) => Health): Promise<void> {
    await page.route('**/api/v1/health', async (route) => {
      const answer = await route.fetch();
      const health: Health = await answer.json();
      await route.fulfill({ json: change(health) });
    });
  }
});

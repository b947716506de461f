/** Files dropped on a page: imported, told of, opened, exported, unpinned. */
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { encodeTracesJson } from '#test/support/otlp-encode.ts';
import { CHROMIUM, namelessControls, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectFits, pressTogether, soon } from './soon.ts';

/** 2023-02-01T00:00:00Z */
const OLD = unixNanos(1_675_209_600_000_000_000n);

interface Dropped {
  readonly name: string;
  readonly base64: string;
}

describe.skipIf(CHROMIUM === null)('imports', () => {
  const run = running('up');

  function recording(deployment: string): Dropped {
    const table = slowSteps({ seconds: 5, deployment, startUnixNs: OLD });
    const bytes = gzipSync(encodeTracesJson(table));
    return { name: `${deployment}.json.gz`, base64: bytes.toString('base64') };
  }

  /** As if they came from the desktop. */
  async function drag(page: Page, type: 'dragenter' | 'drop', files: readonly Dropped[]) {
    await page.evaluate(
      ([kind, list]) => {
        const dataTransfer = new DataTransfer();
        for (const { name, base64 } of list) {
          const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
          dataTransfer.items.add(new File([bytes], name));
        }
        window.dispatchEvent(
          new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }),
        );
      },
      [type, files] as const,
    );
  }

  test('dropped on the overview, it is imported and opens with its figures', async () => {
    const { page, complaints } = await run.visit('dark', SIZES[0]);
    await page.goto(`${run.product.web}/`);
    await page.waitForSelector('[data-testid="empty-state"]');
    await pressTogether(page, 'g', 'd');
    await page.waitForSelector('[data-testid="no-imports"]');
    await soon(() => page.getByTestId('no-deployments').count()).toBe(1);
    await page.goBack();
    await page.waitForSelector('[data-testid="empty-state"]');

    const file = recording('run-2023');
    await drag(page, 'dragenter', [file]);
    await soon(() => page.getByTestId('drop-overlay').textContent()).toContain('Drop OTLP, Kineto');
    await drag(page, 'drop', [file]);
    await page.waitForURL(/\/deployments/);
    const row = page.getByTestId('import').filter({ hasText: 'run-2023.json.gz' });
    await row.getByText('done').waitFor();
    await soon(() => row.textContent()).toMatch(/events · \d+ steps · 3 workers/);
    const deployment = page.getByTestId('deployments').getByRole('row', { name: /run-2023/ });
    await deployment.waitFor();
    await soon(() => deployment.textContent()).toMatch(
      /imported.*2A1F.*attention 2, ffn 1.*pinned/,
    );

    const download = page.waitForEvent('download');
    await deployment.getByText('Archive').click();
    expect((await download).suggestedFilename()).toMatch(
      /^run-2023-20230201T000000Z-\d+s\.afdscope$/,
    );

    await row.getByText('Open run-2023').click();
    await page.waitForSelector('[data-testid="group-cards"] article:nth-child(2)');
    await soon(() => page.getByTestId('verdict').textContent()).toMatch(
      /^(Healthy|Attention-bound|FFN-bound|Network-bound|Latency-bound)/,
    );
    await page.waitForSelector('[data-testid="heat-canvas"]');
    await page.waitForURL(/[?&]d=run-2023(&|$)/);
    expect(complaints).toEqual([]);
  });

  test.each(SIZES)(
    'files that cannot be read, and unpinning, at $width x $height',
    async (size) => {
      const { page } = await run.visit('light', size);
      await page.goto(`${run.product.web}/deployments`);
      await page.waitForSelector('[data-testid="deployments"]');
      const good = recording(`good-${size.width}`);
      const broken = { name: 'broken.json', base64: btoa('{"resourceSpans":[') };
      await drag(page, 'drop', [good, broken]);
      const row = page.getByTestId('import').filter({ hasText: `good-${size.width}.json.gz` });
      await row.getByText('partly imported').waitFor();
      await soon(() => row.textContent()).toContain('1 of 2 files');
      await soon(() => row.getByTestId('left-out').textContent()).toMatch(
        /^Nothing was taken of one filebroken\.json: line 1: /,
      );
      await drag(page, 'drop', [{ name: `empty-${size.width}.json`, base64: '' }]);
      const empty = page.getByTestId('import').filter({ hasText: `empty-${size.width}.json` });
      await empty.getByText('failed').waitFor();
      await soon(() => empty.getByRole('alert').textContent()).toContain('is empty');
      await expectFits(page);
      await soon(() => namelessControls(page)).toEqual([]);

      await empty.getByRole('button', { name: 'Dismiss' }).click();
      await empty.waitFor({ state: 'detached' });
      await row.getByRole('button', { name: 'Unpin' }).click();
      await soon(() => row.textContent()).toContain('Retention will delete it.');
      await row.getByRole('button', { name: 'Unpin it' }).click();
      await row.waitFor({ state: 'detached' });
    },
  );
});

/** The Timeline page in a browser, over the running demo: drawn twice the same, dragged, zoomed, chosen. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchDeployments } from '#lib/api/client.ts';
import { fetchTimelineSteps } from '#lib/api/timeline-client.ts';
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

const SURFACE = '[data-testid="timeline-surface"]';
const BOXES = '[data-testid="timeline-boxes"]';
/** Chromium says how slowly software draws: not a complaint of the page. */
const DRIVER = /GL Driver Message/;

describe.skipIf(CHROMIUM === null)('Timeline page', () => {
  let product: Product;
  let browser: Browser;
  /** A step that is stored, and past the time in which late events may change it. */
  let step: { readonly startUnixNs: bigint; readonly durationNs: number };

  beforeAll(async () => {
    product = await startProduct('demo');
    browser = await launchBrowser();
    for (let tries = 0; tries < 60; tries++) {
      const { deployments } = await fetchDeployments({ baseUrl: product.web });
      if (deployments.length > 0) {
        const range = { from: '-20s', to: '-6s' };
        const found = await fetchTimelineSteps('demo', range, { baseUrl: product.web });
        const last = found.steps.at(-1);
        if (last !== undefined) {
          step = { startUnixNs: BigInt(last.startUnixNs), durationNs: last.durationNs };
          break;
        }
      }
      await sleep(1_000);
    }
    if (step === undefined) throw new Error('The demo stored no step in a minute.');
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });

  /** The step with a little room, drawn to the end. */
  async function open(page: Page, more = ''): Promise<void> {
    const from = step.startUnixNs - 1_000_000n;
    const span = step.durationNs + 2e6;
    await page.goto(`${product.web}/timeline?d=demo&at=${from}&span=${span}${more}`);
    await settled(page);
  }

  async function settled(page: Page): Promise<void> {
    await page.waitForSelector(`${SURFACE}[data-loading="0"]:not([data-detail=""])`);
    await page.waitForTimeout(600);
  }

  const spanOf = (page: Page) => Number(new URL(page.url()).searchParams.get('span'));
  const atOf = (page: Page) =>
    BigInt(new URL(page.url()).searchParams.get('at')?.split('.')[0] ?? '0');

  for (const theme of THEMES) {
    for (const size of SIZES) {
      test(`sound and inside of the window: ${theme}, ${size.width}×${size.height}`, async () => {
        const { page, context, complaints } = await visit(browser, theme, size);
        await open(page);
        expect(await inkOf(page, BOXES)).toBeGreaterThan(2_000);
        expect(await overflowing(page)).toEqual([]);
        expect(await namelessControls(page)).toEqual([]);
        expect(complaints.filter((text) => !DRIVER.test(text))).toEqual([]);
        await context.close();
      });
    }
  }

  /** Part of the inked pixels that WebGL2 and Canvas2D draw differently; 1: of other sizes. */
  async function differingShare(page: Page): Promise<number> {
    const pictures: Buffer[] = [];
    for (const more of ['', '&renderer=2d']) {
      await open(page, more);
      expect(await page.locator(SURFACE).getAttribute('data-renderer')).toBe(
        more === '' ? 'webgl2' : 'canvas2d',
      );
      const text = await page.locator(BOXES).evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const copy = document.createElement('canvas');
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext('2d')!;
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        let bytes = '';
        for (let at = 0; at < data.length; at += 32_768) {
          bytes += String.fromCharCode(...data.subarray(at, at + 32_768));
        }
        return btoa(bytes);
      });
      pictures.push(Buffer.from(text, 'base64'));
    }
    const [gl, plain] = pictures as [Buffer, Buffer];
    if (gl.length !== plain.length) return 1;
    let differing = 0;
    let inked = 0;
    for (let at = 0; at < gl.length; at += 4) {
      const isInked = gl[at + 3]! > 128 || plain[at + 3]! > 128;
      if (!isInked) continue;
      inked++;
      const away = [0, 1, 2, 3].some((part) => Math.abs(gl[at + part]! - plain[at + part]!) > 48);
      if (away) differing++;
    }
    expect(inked).toBeGreaterThan(2_000);
    return differing / inked;
  }

  test('WebGL2 and Canvas2D draw the same picture', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    // Tiles grow and banners come while the cluster sends: both pictures must be of one state.
    const shares: number[] = [];
    do shares.push(await differingShare(page));
    while (shares.length < 4 && shares.at(-1)! >= 0.12);
    // Lines of hatches are smoothed each in its own way.
    expect(shares.at(-1), String(shares)).toBeLessThan(0.12);
    await context.close();
  });

  test('a drag moves the time, the wheel zooms about the pointer, 0 shows all, a link opens the same', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await open(page);
    const [at, span] = [atOf(page), spanOf(page)];
    const box = (await page.locator(SURFACE).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + 150];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - box.width / 4, y, { steps: 8 });
    await page.mouse.up();
    await page.waitForTimeout(800);
    const movedNs = Number(atOf(page) - at);
    expect(Math.abs(movedNs - span / 4)).toBeLessThan(span / 50);
    await page.mouse.move(box.x, y);
    await page.mouse.wheel(0, -300);
    await page.waitForTimeout(800);
    expect(spanOf(page)).toBeLessThan(span * 0.7);
    // The left edge was under the pointer.
    expect(Math.abs(Number(atOf(page) - at) - movedNs)).toBeLessThan(span / 50);
    const link = page.url();
    await page.locator(SURFACE).focus();
    await page.keyboard.press('0');
    await page.waitForTimeout(800);
    expect(spanOf(page)).toBeGreaterThan(span * 10);
    await page.goto(link);
    await settled(page);
    expect(page.url()).toBe(link);
    await context.close();
  });

  test('events are chosen by keyboard and said; the choice is in the link; Escape lets go', async () => {
    const { page, context } = await visit(browser, 'light', SIZES[1]);
    await open(page);
    await page.locator(SURFACE).focus();
    await page.keyboard.press('Shift+ArrowRight');
    const said = page.locator('[data-testid="timeline-announcement"]');
    await page.waitForFunction(
      () => document.querySelector('[data-testid="timeline-announcement"]')?.textContent !== '',
    );
    const first = await said.textContent();
    expect(first).toMatch(/attention\/0|ffn\/0/);
    await page.keyboard.press('Shift+ArrowRight');
    await page.waitForFunction(
      (old) => document.querySelector('[data-testid="timeline-announcement"]')?.textContent !== old,
      first,
    );
    await page.waitForTimeout(600);
    expect(new URL(page.url()).searchParams.get('sel')).toMatch(/^event~/);
    await page.locator(SURFACE).focus();
    await page.keyboard.press('Escape');
    await page.waitForTimeout(600);
    expect(new URL(page.url()).searchParams.get('sel')).toBeNull();
    await context.close();
  });

  test('Shift and drag choose an area of time and rows', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await open(page);
    const box = (await page.locator(SURFACE).boundingBox())!;
    await page.keyboard.down('Shift');
    await page.mouse.move(box.x + 200, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 120, { steps: 6 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await page.waitForTimeout(800);
    const area = new URL(page.url()).searchParams.get('sel') ?? '';
    expect(area).toMatch(/^area~\d+~\d+~attention\/0/);
    const [, from, to] = area.split('~').map((part) => (/^\d+$/.test(part) ? BigInt(part) : 0n));
    const expectedNs = (300 / box.width) * spanOf(page);
    expect(Math.abs(Number(to! - from!) - expectedNs)).toBeLessThan(expectedNs / 20);
    await context.close();
  });

  test('the tail follows the newest data until someone moves the picture', async () => {
    const { page, context } = await visit(browser, 'dark', SIZES[0]);
    await page.goto(`${product.web}/timeline?d=demo`);
    await page.waitForSelector(`${SURFACE}:not([data-detail=""])`);
    const tail = page.getByRole('button', { name: 'Follow the newest data (l)' });
    expect(await tail.getAttribute('aria-pressed')).toBe('true');
    const label = () => page.locator(SURFACE).getAttribute('aria-valuetext');
    const before = await label();
    await page.waitForFunction(
      ([selector, old]) =>
        document.querySelector(selector!)?.getAttribute('aria-valuetext') !== old,
      [SURFACE, before],
    );
    await page.locator(SURFACE).focus();
    await page.keyboard.press('a');
    expect(await tail.getAttribute('aria-pressed')).toBe('false');
    await context.close();
  });
});

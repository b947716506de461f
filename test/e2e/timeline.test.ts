/** The Timeline page in a browser, over the running demo: drawn twice the same, dragged, zoomed, chosen. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import { CHROMIUM, inkOf, LOOKS, SIZES } from './browser.ts';
import { running } from './running.ts';
import { expectSound, FOUND, parameter, soon, stands } from './soon.ts';
import { DEPLOYMENT, drawn, storedSteps } from './timeline-page.ts';

const SURFACE = '[data-testid="timeline-surface"]';
const BOXES = '[data-testid="timeline-boxes"]';

describe.skipIf(CHROMIUM === null)('Timeline page', () => {
  /** Stored, and past the time in which late events may change it. */
  let step: TimelineStep;
  const run = running('demo', async (product) => {
    step = (await storedSteps(product)).at(-1)!;
  });

  /** The step with a little room, drawn to the end. */
  async function open(page: Page, more = ''): Promise<void> {
    const from = BigInt(step.startUnixNs) - 1_000_000n;
    const span = step.durationNs + 2e6;
    await page.goto(`${run.product.web}/timeline?d=${DEPLOYMENT}&at=${from}&span=${span}${more}`);
    await drawn(page);
  }

  const spanOf = (page: Page) => Number(parameter(page, 'span'));
  const atOf = (page: Page) => BigInt(parameter(page, 'at')?.split('.')[0] ?? '0');

  test.each(LOOKS)('sound and inside of the window: $theme, $width x $height', async (look) => {
    const visit = await run.visit(look.theme, look);
    await open(visit.page);
    await soon(() => inkOf(visit.page, BOXES)).toBeGreaterThan(2_000);
    await expectSound(visit);
  });

  async function readBoxes(page: Page): Promise<Buffer> {
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
    return Buffer.from(text, 'base64');
  }

  /** Part of the inked pixels that differ between two pictures; 1: of other sizes. */
  function differing(one: Buffer, other: Buffer): number {
    if (one.length !== other.length) return 1;
    let differing = 0;
    let inked = 0;
    for (let at = 0; at < one.length; at += 4) {
      const isInked = one[at + 3]! > 128 || other[at + 3]! > 128;
      if (!isInked) continue;
      inked++;
      const away = [0, 1, 2, 3].some((part) => Math.abs(one[at + part]! - other[at + part]!) > 48);
      if (away) differing++;
    }
    expect(inked).toBeGreaterThan(2_000);
    return differing / inked;
  }

  /** Between what WebGL2 and Canvas2D draw. */
  async function differingShare(page: Page): Promise<number> {
    const pictures: Buffer[] = [];
    for (const more of ['', '&renderer=2d']) {
      await open(page, more);
      await soon(() => page.locator(SURFACE).getAttribute('data-renderer')).toBe(
        more === '' ? 'webgl2' : 'canvas2d',
      );
      pictures.push(await readBoxes(page));
    }
    const [gl, plain] = pictures as [Buffer, Buffer];
    return differing(gl, plain);
  }

  test('WebGL2 and Canvas2D draw the same picture', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    // Tiles grow and banners come while the cluster sends: both pictures must be of one state.
    const shares: number[] = [];
    do shares.push(await differingShare(page));
    while (shares.length < 8 && shares.at(-1)! >= 0.12);
    // Lines of hatches are smoothed each in its own way.
    expect(shares.at(-1), String(shares)).toBeLessThan(0.12);
  });

  for (const more of ['', '&renderer=2d']) {
    test(`a picture that was dragged is the one that its link draws${more}`, async () => {
      const { page } = await run.visit('dark', SIZES[0]);
      const shares: number[] = [];
      do {
        await open(page, more);
        const at = atOf(page);
        const box = (await page.locator(SURFACE).boundingBox())!;
        const [x, y] = [box.x + box.width / 2, box.y + 150];
        await page.mouse.move(x, y);
        await page.mouse.down();
        // To one side and back over where it began: from strips that were drawn before.
        await page.mouse.move(x + 90, y, { steps: 6 });
        await page.mouse.move(x - 40 - shares.length, y, { steps: 9 });
        await page.mouse.up();
        // The link is written once the view rests.
        await soon(() => atOf(page)).toBeGreaterThan(at);
        await drawn(page);
        const dragged = await readBoxes(page);
        await page.goto(page.url());
        await drawn(page);
        shares.push(differing(dragged, await readBoxes(page)));
        // Tiles grow while the cluster sends: both pictures must be of one state.
      } while (shares.length < 6 && shares.at(-1)! >= 0.02);
      expect(shares.at(-1), String(shares)).toBeLessThan(0.02);
    });
  }

  test('a drag moves the time, the wheel zooms about the pointer, 0 shows all, a link opens the same', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await open(page);
    const shown = () => page.locator(SURFACE).getAttribute('aria-valuetext');
    const [at, span] = [atOf(page), spanOf(page)];
    const box = (await page.locator(SURFACE).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + 150];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - box.width / 4, y, { steps: 8 });
    await page.mouse.up();
    await soon(() => Math.abs(Number(atOf(page) - at) - span / 4)).toBeLessThan(span / 50);
    const [moved, before] = [atOf(page), await shown()];
    await page.mouse.move(Math.ceil(box.x), y);
    await page.mouse.wheel(0, -300);
    await soon(() => spanOf(page)).toBeLessThan(span * 0.7);
    await soon(shown).not.toBe(before);
    // The left edge was under the pointer.
    expect(Math.abs(Number(atOf(page) - moved))).toBeLessThan(span / 50);
    const [link, zoomed] = [page.url(), await shown()];
    await page.locator(SURFACE).focus();
    await page.keyboard.press('0');
    await soon(() => spanOf(page)).toBeGreaterThan(span * 10);
    await page.goto(link);
    await drawn(page);
    await soon(shown).toBe(zoomed);
    expect(page.url()).toBe(link);
  });

  test('events are chosen by keyboard and said; the choice is in the link; Escape lets go', async () => {
    const { page } = await run.visit('light', SIZES[1]);
    await open(page);
    await page.locator(SURFACE).focus();
    await page.keyboard.press('Shift+ArrowRight');
    const said = () => page.getByTestId('timeline-announcement').textContent();
    await soon(said).toMatch(/attention\/0|ffn\/0/);
    const first = await said();
    await page.keyboard.press('Shift+ArrowRight');
    await soon(said).not.toBe(first);
    await soon(() => parameter(page, 'sel')).toMatch(/^event~/);
    // A short event is zoomed to, and the link comes after the picture.
    const spanText = async () => parameter(page, 'span');
    await soon(() => stands(page, spanText, 1_000)).toBe(true);
    // An open menu has its own use for letters and Escape.
    const span = parameter(page, 'span');
    await page.getByRole('button', { name: 'Save the timeline' }).click();
    await page.waitForSelector('[role="menu"]');
    await page.keyboard.press('s');
    await page.keyboard.press('Escape');
    await soon(() => page.getByRole('menu').count()).toBe(0);
    expect(parameter(page, 'sel')).toMatch(/^event~/);
    expect(parameter(page, 'span')).toBe(span);
    await page.locator(SURFACE).focus();
    await page.keyboard.press('Escape');
    await soon(() => parameter(page, 'sel')).toBeNull();
  });

  test('Shift and drag choose an area of time and rows', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await open(page);
    const box = (await page.locator(SURFACE).boundingBox())!;
    const expectedNs = (300 / box.width) * spanOf(page);
    await page.keyboard.down('Shift');
    await page.mouse.move(box.x + 200, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 120, { steps: 6 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    // The link comes after the hand: what it held in the midst of the drag is not meant.
    const offNs = () => {
      const [, from, to] =
        /^area~(\d+)~(\d+)~attention\/0/.exec(parameter(page, 'sel') ?? '') ?? [];
      if (from === undefined || to === undefined) return Number.POSITIVE_INFINITY;
      return Math.abs(Number(BigInt(to) - BigInt(from)) - expectedNs);
    };
    await soon(offNs).toBeLessThan(expectedNs / 20);
  });

  test('the tail follows the newest data until someone moves the picture', async () => {
    const { page } = await run.visit('dark', SIZES[0]);
    await page.goto(`${run.product.web}/timeline?d=${DEPLOYMENT}`);
    await page.waitForSelector(`${SURFACE}:not([data-detail=""])`, FOUND);
    const tail = page.getByRole('button', { name: 'Follow the newest data (l)' });
    await soon(() => tail.getAttribute('aria-pressed')).toBe('true');
    const shown = () => page.locator(SURFACE).getAttribute('aria-valuetext');
    const before = await shown();
    await soon(shown).not.toBe(before);
    await page.locator(SURFACE).focus();
    await page.keyboard.press('a');
    await soon(() => tail.getAttribute('aria-pressed')).toBe('false');
    // A tail is shown once a second.
    await soon(() => stands(page, shown, 3_000)).toBe(true);
  });
});

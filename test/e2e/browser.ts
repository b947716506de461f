/** A headless Chromium and what the tests ask of a page. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export type ThemeName = 'dark' | 'light';

export const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
] as const;
/** Each theme and each size once: a layout does not depend on the colours. */
export const LOOKS = [
  { theme: 'dark', ...SIZES[0] },
  { theme: 'light', ...SIZES[1] },
] as const;

/** How long waits for a page last that name no time: it may be slow, with other work beside it. */
const WAIT_MS = 60_000;

/** Path of the browser; null: there is none, and the tests are skipped. */
export const CHROMIUM: string | null =
  [
    process.env.CHROME_PATH ?? '',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ].find((path) => path !== '' && existsSync(path)) ?? null;

export function launchBrowser(): Promise<Browser> {
  if (CHROMIUM === null) throw new Error('No Chromium: install it, or set CHROME_PATH.');
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Console errors and warnings, exceptions, failed requests: empty on a sound page. */
  readonly complaints: string[];
}

export async function visit(
  browser: Browser,
  theme: ThemeName,
  viewport: { readonly width: number; readonly height: number },
): Promise<Visit> {
  const context = await browser.newContext({ viewport, timezoneId: 'UTC' });
  await context.addInitScript((name) => localStorage.setItem('afdscope.theme', name), theme);
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // Reading the pixels of a WebGL canvas waits for the software renderer, which says so.
    if (/GL Driver Message \(OpenGL, Performance/.test(message.text())) return;
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(`console ${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  return { page, context, complaints };
}

/** What sticks out: the page sideways, or an element over the edge of its own box. */
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) {
      found.push(`page is ${root.scrollWidth - root.clientWidth} px too wide`);
    }
    for (const element of document.querySelectorAll<HTMLElement>('body *')) {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      if (element.closest('.sr-only, svg, [href="#content"]') !== null) continue;
      const name = `${element.tagName.toLowerCase()} "${element.textContent.slice(0, 40)}"`;
      if (box.right > root.clientWidth + 1)
        found.push(`${name} ends at ${Math.round(box.right)} px`);
      const style = getComputedStyle(element);
      const isClipped = style.overflowX !== 'visible' || style.display === 'inline';
      if (!isClipped && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 2) {
        found.push(`${name} holds ${element.scrollWidth} px in ${element.clientWidth} px`);
      }
    }
    return found;
  });
}

/** How many pixels of a canvas differ from its most frequent colour. */
export async function inkOf(page: Page, selector: string): Promise<number> {
  const counts = [...(await coloursOf(page, selector)).values()];
  return counts.reduce((sum, count) => sum + count, 0) - Math.max(0, ...counts);
}

/** Pixels of a canvas that have exactly this `#rrggbb` colour. */
export async function pixelsOf(page: Page, selector: string, colour: string): Promise<number> {
  return (await coloursOf(page, selector)).get(colour) ?? 0;
}

/** Pixels of a canvas by colour; read from a copy, so that the page's canvas stays as it was. */
async function coloursOf(page: Page, selector: string): Promise<ReadonlyMap<string, number>> {
  const entries = await page
    .locator(selector)
    .first()
    .evaluate((element) => {
      const canvas =
        element instanceof HTMLCanvasElement ? element : element.querySelector('canvas');
      if (!canvas || canvas.width === 0 || canvas.height === 0) return [];
      const copy = document.createElement('canvas');
      copy.width = canvas.width;
      copy.height = canvas.height;
      const context = copy.getContext('2d', { willReadFrequently: true });
      if (!context) return [];
      context.drawImage(canvas, 0, 0);
      const { data } = context.getImageData(0, 0, copy.width, copy.height);
      const counts = new Map<number, number>();
      for (let i = 0; i < data.length; i += 4) {
        const key = data[i + 3] === 0 ? -1 : (data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts];
    });
  return new Map(
    entries.map(([key, count]) => [
      key < 0 ? 'transparent' : `#${key.toString(16).padStart(6, '0')}`,
      count,
    ]),
  );
}

/** Controls without a name that a screen reader could say. */
export function namelessControls(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, a[href], select, input, [tabindex="0"]')]
      .filter((element) => {
        const label = element.getAttribute('aria-label') ?? element.textContent;
        const isLabelled = 'labels' in element && (element as HTMLInputElement).labels?.length;
        return label.trim() === '' && !isLabelled;
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

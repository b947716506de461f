/** A headless Chromium and what the tests ask of a page. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export type ThemeName = 'dark' | 'light';

export const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
] as const;
export const THEMES: readonly ThemeName[] = ['dark', 'light'];

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
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
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
export function inkOf(page: Page, selector: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate((element) => {
      const canvas =
        element instanceof HTMLCanvasElement ? element : element.querySelector('canvas');
      const context = canvas?.getContext('2d');
      if (!canvas || !context || canvas.width === 0 || canvas.height === 0) return 0;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const pixels = new Uint32Array(data.buffer);
      const counts = new Map<number, number>();
      for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
      return pixels.length - Math.max(...counts.values());
    });
}

/** Pixels of a canvas that have exactly this `#rrggbb` colour. */
export function pixelsOf(page: Page, selector: string, colour: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate((element, hex) => {
      const canvas =
        element instanceof HTMLCanvasElement ? element : element.querySelector('canvas');
      const context = canvas?.getContext('2d');
      if (!canvas || !context || canvas.width === 0 || canvas.height === 0) return 0;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const wanted = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i] === wanted[0] && data[i + 1] === wanted[1] && data[i + 2] === wanted[2])
          count++;
      }
      return count;
    }, colour);
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

/**
 * Makes the pictures of the documentation from the running demo: `npm run screenshots`.
 * Waits until a minute of history is on the charts, then takes the overview in both themes and the
 * layers page.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { launchBrowser, type ThemeName, visit } from './browser.ts';
import { startProduct } from './product.ts';

const FOLDER = resolve(import.meta.dirname, '../../docs/images');
const SHOTS: readonly {
  readonly name: string;
  readonly path: string;
  readonly theme: ThemeName;
  readonly width: number;
  readonly height: number;
  readonly ready: string;
}[] = [
  {
    name: 'overview-dark',
    path: '/',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="heat-canvas"]',
  },
  {
    name: 'overview-light',
    path: '/',
    theme: 'light',
    width: 1440,
    height: 900,
    ready: '[data-testid="heat-canvas"]',
  },
  {
    name: 'layers-dark',
    path: '/layers',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="layer-table"] tbody tr',
  },
];
const HISTORY_MS = 90_000;

const product = await startProduct('demo');
const browser = await launchBrowser();
try {
  await mkdir(FOLDER, { recursive: true });
  await new Promise((done) => setTimeout(done, HISTORY_MS));
  for (const { name, path, theme, width, height, ready } of SHOTS) {
    const { page, context } = await visit(browser, theme, { width, height });
    await page.goto(product.web + path);
    await page.waitForSelector(ready, { timeout: 60_000 });
    await page.waitForTimeout(4_000);
    const file = join(FOLDER, `${name}.png`);
    await page.screenshot({ path: file });
    process.stdout.write(`${file}\n`);
    await context.close();
  }
} finally {
  await browser.close();
  await product.stop();
}

/**
 * Makes the pictures of the documentation from the running demo: `npm run screenshots`.
 * Waits until a minute of history is on the charts, then takes the healthy pages, then Balance where
 * the FFN side is too small, then breaks the cluster and takes those that say who it was. Names
 * after it limit the pictures: `npm run screenshots stragglers-dark`.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { launchBrowser, type ThemeName, visit } from './browser.ts';
import { startProduct } from './product.ts';

const FOLDER = resolve(import.meta.dirname, '../../docs/images');
interface Shot {
  readonly name: string;
  readonly path: string;
  readonly theme: ThemeName;
  readonly width: number;
  readonly height: number;
  readonly ready: string;
  /** Pressed one after the other once it is ready. */
  readonly keys?: readonly string[];
}
const HEALTHY: readonly Shot[] = [
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
    path: '/layers?range=5m',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="layer-stack"]',
  },
  {
    name: 'timeline-dark',
    path: '/timeline?follow=1',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="timeline-surface"][data-loading="0"]',
    // A step of the past, about three milliseconds in its middle, an event and the flow through it.
    keys: [...Array(4).fill('['), ...Array(9).fill('w'), 'Shift+ArrowRight'],
  },
];
/** Under `FAULTS`. */
const BROKEN: readonly Shot[] = [
  {
    name: 'stragglers-dark',
    path: '/stragglers?worker=ffn/2',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="waits-attention-ffn"]',
  },
  {
    name: 'experts-light',
    path: '/experts',
    theme: 'light',
    width: 1440,
    height: 900,
    ready: '[data-testid="expert-scatter"] canvas',
  },
];
const FFN_BOUND: readonly Shot[] = [
  {
    name: 'balance-dark',
    path: '/balance',
    theme: 'dark',
    width: 1440,
    height: 1060,
    ready: '[data-testid="whatif-table"]',
  },
];
const FAULTS = {
  slowRank: { role: 'ffn', rank: 2, factor: 1.2 },
  longContext: { rank: 5, factor: 1.6 },
  hotExpert: { rank: 1, factor: 2, fromLayer: 20, toLayer: 30 },
};
const HISTORY_MS = 90_000;
/** The live window of the Stragglers page, and a moment. */
const BROKEN_MS = 35_000;

const names = process.argv.slice(2);
const isAsked = ({ name }: Shot): boolean => names.length === 0 || names.includes(name);

const product = await startProduct('demo');
const browser = await launchBrowser();
try {
  await mkdir(FOLDER, { recursive: true });
  await new Promise((done) => setTimeout(done, HISTORY_MS));
  for (const shot of HEALTHY.filter(isAsked)) await take(shot);
  const unbalanced = FFN_BOUND.filter(isAsked);
  if (unbalanced.length > 0) {
    await product.setFaults({ scenario: 'ffn-bound' });
    await new Promise((done) => setTimeout(done, BROKEN_MS));
    for (const shot of unbalanced) await take(shot);
    await product.setFaults({ scenario: 'healthy' });
  }
  const broken = BROKEN.filter(isAsked);
  if (broken.length > 0) {
    await product.setFaults(FAULTS);
    await new Promise((done) => setTimeout(done, BROKEN_MS));
    for (const shot of broken) await take(shot);
  }
} finally {
  await browser.close();
  await product.stop();
}

async function take({ name, path, theme, width, height, ready, keys }: Shot): Promise<void> {
  const { page, context } = await visit(browser, theme, { width, height });
  await page.goto(product.web + path);
  await page.waitForSelector(ready, { timeout: 60_000 });
  for (const key of keys ?? []) {
    await page.keyboard.press(key);
    await page.waitForTimeout(1_000);
  }
  await page.waitForTimeout(4_000);
  const file = join(FOLDER, `${name}.png`);
  await page.screenshot({ path: file });
  process.stdout.write(`${file}\n`);
  await context.close();
}

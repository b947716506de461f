/**
 * Makes the pictures of the documentation from the running demo: `npm run screenshots`.
 * Waits until a minute of history is on the charts, then takes the healthy pages, then Balance where
 * the FFN side is too small, then breaks the cluster and takes those that say who it was, and at last the
 * incident once its window is over. Names after it limit the pictures: `npm run screenshots stragglers-dark`.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { incidentsSchema } from '#lib/api/incidents.ts';
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
/** Under a slow rank alone, when its alert has fired. */
const ALERTED: readonly Shot[] = [
  {
    name: 'alerts-dark',
    path: '/alerts',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="alert"]',
  },
  {
    name: 'rules-dark',
    path: '/rules?rule=straggler',
    theme: 'dark',
    width: 1440,
    height: 900,
    ready: '[data-testid="preview-chart"]',
  },
];
/** `path`: the newest incident. */
const INCIDENT: Omit<Shot, 'path'> = {
  name: 'incident-dark',
  theme: 'dark',
  width: 1440,
  height: 900,
  ready: '[data-testid="incident-verdict"]',
};
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
const SLOW_RANK = { slowRank: { role: 'ffn', rank: 2, factor: 1.4 } };
/** The alert fires within 45 s, and a minute and some later its window is over and looked at. */
const ALERTED_MS = 60_000;
const KEPT_TIMEOUT_MS = 240_000;
const HISTORY_MS = 90_000;
/** The live window of the Stragglers page, and a moment. */
const BROKEN_MS = 35_000;

const names = process.argv.slice(2);
const isAsked = ({ name }: Pick<Shot, 'name'>): boolean =>
  names.length === 0 || names.includes(name);

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
  const alerted = ALERTED.filter(isAsked);
  if (alerted.length > 0 || isAsked(INCIDENT)) {
    await product.setFaults(SLOW_RANK);
    await new Promise((done) => setTimeout(done, ALERTED_MS));
    for (const shot of alerted) await take(shot);
    if (isAsked(INCIDENT)) await take({ ...INCIDENT, path: `/incidents/${await keptIncident()}` });
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

/** Of the incident whose evidence was looked at: there is something to show. */
async function keptIncident(): Promise<string> {
  const until = Date.now() + KEPT_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${product.web}/api/v1/incidents`);
    const { incidents } = incidentsSchema.parse(await answer.json());
    const kept = incidents.find(({ evidence }) => evidence === 'kept' || evidence === 'partial');
    if (kept !== undefined) return kept.id;
    if (Date.now() > until) throw new Error('no incident was kept');
    await new Promise((done) => setTimeout(done, 2_000));
  }
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

/** What tests of the Timeline page share: steps to look at, waiting until it is drawn, reading it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { fetchTimelineSteps } from '#lib/api/timeline-client.ts';
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import type { Product } from './product.ts';
import { FOUND, soon } from './soon.ts';

export { FOUND, SOON } from './soon.ts';

export const DEPLOYMENT = 'demo';

/** Steps that ended long enough ago for all their events to be there. */
async function pastSteps({ web }: Product): Promise<readonly TimelineStep[]> {
  const question = { from: '-60s', to: '-10s', limit: 1_000 };
  return (await fetchTimelineSteps(DEPLOYMENT, question, { baseUrl: web })).steps;
}

/** Waits until more than `count` of them are stored, and returns them. */
export async function storedSteps(product: Product, count = 0): Promise<readonly TimelineStep[]> {
  for (let tries = 0; tries < 240; tries++) {
    // Until the first worker reports there is no deployment to ask about.
    const steps = await pastSteps(product).catch(() => []);
    if (steps.length > count) return steps;
    await sleep(1_000);
  }
  throw new Error(`The demo did not store ${count + 1} steps.`);
}

export function windowOf({ startUnixNs, durationNs }: TimelineStep) {
  return { from: startUnixNs, to: String(BigInt(startUnixNs) + BigInt(durationNs)) };
}

export async function drawn(page: Page): Promise<void> {
  const surface = page.getByTestId('timeline-surface');
  await surface.waitFor(FOUND);
  const isDrawn = () =>
    surface.evaluate(({ dataset }) => dataset.detail !== '' && dataset.loading === '0');
  await soon(isDrawn, FOUND).toBe(true);
}

/** The unrounded value of a figure, from its hover text. */
export async function exactNs(cell: Locator): Promise<number> {
  const title = (await cell.locator('[title]').first().getAttribute('title')) ?? '';
  return Number(title.split(' ns')[0]!.replaceAll(',', ''));
}

/** What tests of the Timeline page share: steps to look at, waiting until it is drawn, reading it. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { fetchTimelineSteps } from '#lib/api/timeline-client.ts';
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import type { Product } from './product.ts';

export const DEPLOYMENT = 'demo';
/** A machine with other work on it. */
export const FOUND = { timeout: 90_000 };
export const SOON = { timeout: 30_000 };

/** Steps that ended long enough ago for all their events to be there. */
export async function pastSteps({ web }: Product): Promise<readonly TimelineStep[]> {
  const question = { from: '-60s', to: '-10s', limit: 1_000 };
  return (await fetchTimelineSteps(DEPLOYMENT, question, { baseUrl: web })).steps;
}

export function windowOf({ startUnixNs, durationNs }: TimelineStep) {
  return { from: startUnixNs, to: String(BigInt(startUnixNs) + BigInt(durationNs)) };
}

export async function drawn(page: Page): Promise<void> {
  const surface = page.getByTestId('timeline-surface');
  await surface.waitFor(FOUND);
  await expect.poll(() => surface.getAttribute('data-detail'), FOUND).not.toBe('');
  await expect.poll(() => surface.getAttribute('data-loading'), FOUND).toBe('0');
}

/** A parameter of the page's URL. */
export function parameter(page: Page, name: string): string | null {
  return new URL(page.url()).searchParams.get(name);
}

/** The unrounded value of a figure, from its hover text. */
export async function exactNs(cell: Locator): Promise<number> {
  const title = (await cell.locator('[title]').first().getAttribute('title')) ?? '';
  return Number(title.split(' ns')[0]!.replaceAll(',', ''));
}

/**
 * What a page will show soon. An action answers before the page has followed it, and on a slow machine
 * with other work a single frame takes a second: what a page shows is asked for until it is so.
 */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { namelessControls, overflowing, type Visit } from './browser.ts';

/** What has not come by then does not come. */
export const SOON = { timeout: 60_000 };
/** Data that have to be simulated, stored and asked for first. */
export const FOUND = { timeout: 120_000 };
const INTERVAL_MS = 150;

/** `await soon(() => page.title()).toBe('Balance')`: reads until it is so. */
export function soon<T>(
  read: () => T,
  {
    timeout = SOON.timeout,
    message = '',
  }: { readonly timeout?: number; readonly message?: string } = {},
) {
  return expect.poll(read, { timeout, message, interval: INTERVAL_MS });
}

/** The page fits its window, its controls have names, and it complained of nothing. */
export async function expectSound({ page, complaints }: Omit<Visit, 'context'>): Promise<void> {
  await expectFits(page);
  await soon(() => namelessControls(page)).toEqual([]);
  expect(complaints).toEqual([]);
}

/** Nothing sticks out of the page, nor out of its own box. */
export async function expectFits(page: Page): Promise<void> {
  await soon(() => overflowing(page)).toEqual([]);
}

/** Whether what is read stays the same for so long. */
export async function stands<T>(
  page: Page,
  read: () => Promise<T>,
  durationMs: number,
): Promise<boolean> {
  const before = await read();
  await page.waitForTimeout(durationMs);
  return (await read()) === before;
}

/** Keys that belong together, as quickly as a hand has them: a slow page answers none in between. */
export async function pressTogether(page: Page, ...keys: readonly string[]): Promise<void> {
  await Promise.all(keys.map((key) => page.keyboard.press(key)));
}

/** A parameter of the page's URL. */
export function parameter(page: Page, name: string): string | null {
  return new URL(page.url()).searchParams.get(name);
}

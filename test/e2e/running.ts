/** A product and a browser for the tests of one `describe`. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { launchBrowser, type ThemeName, type Visit, visit } from './browser.ts';
import { type Product, startProduct } from './product.ts';

const START_MS = 420_000;

export interface Running {
  readonly product: Product;
  readonly browser: Browser;
  /** A page in a context of its own, which ends with the test, however that ends. */
  visit(
    theme: ThemeName,
    viewport: { readonly width: number; readonly height: number },
  ): Promise<Visit>;
}

/**
 * Registers the start and the end of both. `ready`: runs once they are there, before the first test.
 */
export function running(
  command: 'demo' | 'up',
  ready: (product: Product) => Promise<void> = async () => {},
): Running {
  let product: Product | null = null;
  let browser: Browser | null = null;
  beforeAll(async () => {
    product = await startProduct(command);
    browser = await launchBrowser();
    await ready(product);
  }, START_MS);
  // A page that a failed test left behind would slow the next one.
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  });
  const there = <T>(one: T | null): T => {
    if (one === null) throw new Error('The product is not started before the first test.');
    return one;
  };
  return {
    get product() {
      return there(product);
    },
    get browser() {
      return there(browser);
    },
    visit: (theme, viewport) => visit(there(browser), theme, viewport),
  };
}

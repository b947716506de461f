/**
 * A browser left open: the page's heap, measured after garbage collection, stops growing once the
 * bounded history is full. `AFDSCOPE_SOAK_MINUTES` (default 60) says how long it stays open.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CHROMIUM, launchBrowser, visit } from '#test/e2e/browser.ts';
import { startProduct } from '#test/e2e/product.ts';

const MINUTES = Number(process.env.AFDSCOPE_SOAK_MINUTES ?? 60);

test.skipIf(CHROMIUM === null)(`a page open for ${MINUTES} minutes does not grow`, async () => {
  const product = await startProduct('demo');
  const browser = await launchBrowser();
  try {
    const { page, complaints } = await visit(browser, 'dark', { width: 1440, height: 900 });
    const devtools = await page.context().newCDPSession(page);
    await page.goto(product.web);
    const samples: { minute: number; heapMiB: number; nodes: number; listeners: number }[] = [];
    for (let minute = 1; minute <= MINUTES; minute++) {
      await sleep(60_000);
      await devtools.send('HeapProfiler.collectGarbage');
      const { usedSize } = await devtools.send('Runtime.getHeapUsage');
      const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
      const sample = { minute, heapMiB: usedSize / 2 ** 20, nodes, listeners: jsEventListeners };
      samples.push(sample);
      process.stdout.write(
        `minute ${minute}: heap ${sample.heapMiB.toFixed(1)} MiB, ${nodes} nodes, ${jsEventListeners} listeners\n`,
      );
    }
    // The points of the trends are full after ten minutes; what grows from there on is a leak.
    const full = samples.filter(({ minute }) => minute > 11 || MINUTES <= 11);
    const third = Math.max(1, Math.floor(full.length / 3));
    const mean = (part: typeof samples, name: 'heapMiB' | 'nodes' | 'listeners'): number =>
      part.reduce((sum, sample) => sum + sample[name], 0) / part.length;
    const early = full.slice(0, third);
    const late = full.slice(-third);
    expect(mean(late, 'heapMiB')).toBeLessThan(mean(early, 'heapMiB') + 2);
    expect(mean(late, 'nodes')).toBeLessThan(mean(early, 'nodes') * 1.2 + 200);
    expect(mean(late, 'listeners')).toBeLessThan(mean(early, 'listeners') * 1.2 + 50);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
    await product.stop();
  }
});

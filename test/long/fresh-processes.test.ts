/**
 * Processes that have just started say the same of the same events. Code is compiled while the first
 * reports are made, and a compiler of V8 got it wrong once in some seventy starts under load
 * (docs/decisions/0025-numbers-that-objects-shared.md).
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { storeSimulatedSteps } from '#test/support/bench/simulated-steps.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { soundArgs } from '../../bin/process-settings.js';

const CHILD = fileURLToPath(new URL('../support/fresh-report-child.ts', import.meta.url));
const STARTS = Number(process.env.AFDSCOPE_TEST_STARTS ?? 300);
/** More than there are cores: what is compiled late is what went wrong. */
const AT_ONCE = 4;

test(`${STARTS} processes report the same`, async () => {
  const data = scratchFolder();
  const store = await openTelemetryWriter({ data });
  const { deployment } = await storeSimulatedSteps(store, { steps: 60, attention: 24, ffn: 8 });
  await store.close();
  const counts = new Map<string, number>();
  let begun = 0;
  const starter = async (): Promise<void> => {
    while (begun < STARTS) {
      begun++;
      const args = [...soundArgs(), CHILD, data, deployment];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      for (const hash of stdout.split(' ')) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, starter));
  expect([...counts.values()]).toEqual([2 * STARTS]);
});

import { defineConfig } from 'vitest/config';
import { soundArgs } from './bin/process-settings.js';

// Tiers: `npm test` runs unit and e2e; `npm run test:long` runs test/long and, with many more rounds,
// the tests that kill and mutate (test/support/tier.ts).
export default defineConfig({
  test: {
    env: { TZ: 'UTC', LC_ALL: 'C', NODE_ENV: 'test' },
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // As the product runs.
    execArgv: [...soundArgs()],
    setupFiles: ['test/support/inspect-when-asked.setup.ts'],
    // Machines with other work: the default second is not enough for what takes milliseconds at rest.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/long/**'],
          // Two cores, and half of the time goes into waiting for processes.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          // Of the whole test; what it waits for has 60 s to come (test/e2e/soon.ts).
          testTimeout: 240_000,
          // A browser and the whole product share two cores with whatever else runs there; a test that
          // needs another try is printed, and named at the end (bin/task.js).
          retry: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: [
            'test/long/**/*.test.ts',
            'test/**/kill.test.ts',
            'test/**/*-fuzz.test.ts',
            'test/collector/receive/live-receiver.test.ts',
            'test/collector/degraded/overload.test.ts',
          ],
          env: { AFDSCOPE_TEST_TIER: 'long' },
          fileParallelism: false,
          testTimeout: 3_600_000,
        },
      },
    ],
  },
});

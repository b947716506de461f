/** What `demo` hands to the simulated cluster is what its process understands. */
import { expect, test } from 'vitest';
import { simulateArgs } from '#collector/cli/serve-commands.ts';
import { parseOptions } from '#collector/simulate/options.ts';

test('flags of the demo reach the simulated cluster', () => {
  const args = simulateArgs({ attention: '16', reportEvery: '5', packed: true, web: false });
  const parsed = parseOptions(args);
  expect(parsed.ok && parsed.value).toMatchObject({
    attentionWorkers: 16,
    ffnWorkers: 4,
    reportEvery: 5,
    packed: true,
  });
  const standard = parseOptions(simulateArgs({ web: true }));
  expect(standard.ok && standard.value.packed).toBe(false);
});

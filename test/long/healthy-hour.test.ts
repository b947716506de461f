/** An hour of a healthy cluster, noise and all, says nothing; change detection knows its past by then. */
import { expect, it } from 'vitest';
import { replayAlerts } from '#collector/alert/alert-replay.ts';
import { scenarioFeed, scenarioInputSchema } from '#collector/alert/replay-input.ts';
import { builtinRules } from '#lib/alert/builtin-rules.ts';

it.each([1, 2])('seed %i', async (seed) => {
  const input = scenarioInputSchema.parse({
    scenario: 'healthy',
    duration: '1h',
    seed,
    events_per_second: 6000,
  });
  const feed = scenarioFeed(input);
  if (!feed.ok) throw new Error(feed.error);
  const { changes, looks } = await replayAlerts(builtinRules({ tpotTargetNs: 50e6 }), feed.value);
  expect(looks).toBeGreaterThan(1000);
  expect(changes.map(({ alert, change, detail }) => `${alert.rule} ${change}: ${detail}`)).toEqual(
    [],
  );
});

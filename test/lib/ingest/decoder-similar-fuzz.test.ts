import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { flatRejects, oracleDecode, tableEvents } from '#test/support/oracle-decode.ts';
import { similarSpans } from '#test/support/similar-spans.ts';
import { limitMs, rounds } from '#test/support/tier.ts';

const REQUESTS = rounds(3_000, 500_000);
const SEED = Number(process.env.AFDSCOPE_TEST_SEED ?? 31);

describe('spans that look alike, or nearly so', () => {
  it(
    `are decoded as the plain way says, ${REQUESTS} requests of them`,
    () => {
      let decoder = new Decoder(DEFAULT_DECODE_LIMITS);
      const random = seededRandom(SEED);
      let events = 0;
      let refused = 0;
      for (let i = 0; i < REQUESTS; i++) {
        // Shapes learnt from a request are tried on those that follow; but a decoder that meets
        // too many of them stops to learn, so it is replaced at times.
        if (i % 10 === 0) decoder = new Decoder(DEFAULT_DECODE_LIMITS);
        const body = similarSpans(random);
        const result = decoder.decode('traces', 'protobuf', body);
        if (!result.ok) throw new Error(`request ${i}: ${result.error.message}`);
        const expected = oracleDecode(body);
        const { received, rejected, rejectedCount } = result.value;
        const actual = {
          received,
          events: tableEvents(result.value.events),
          rejected: flatRejects(rejected),
        };
        if (!isDeepStrictEqual(actual, expected)) {
          expect(actual, `request ${i} of seed ${SEED}`).toEqual(expected);
          throw new Error(`request ${i} of seed ${SEED} differs`);
        }
        events += expected.events.length;
        refused += rejectedCount;
      }
      // The property means something only while both sides are there.
      expect(events).toBeGreaterThan(REQUESTS);
      expect(refused).toBeGreaterThan(REQUESTS / 10);
    },
    limitMs(30_000),
  );
});

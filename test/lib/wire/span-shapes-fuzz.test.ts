import { describe, expect, it } from 'vitest';
import { SpanShapes } from '#lib/wire/span-shapes.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { similarSpans } from '#test/support/similar-spans.ts';
import { SpanReadings } from '#test/support/span-readings.ts';
import { limitMs, rounds } from '#test/support/tier.ts';

const BODIES = rounds(15_000, 2_000_000);
const SEED = Number(process.env.AFDSCOPE_TEST_SEED ?? 7);

/** One for all bodies: what a span leaves in a record must not reach the next. */
const readings = new SpanReadings();

describe('reading spans by their shape', () => {
  it(
    `gives what reading them plainly gives, for ${BODIES} bodies, most of them damaged`,
    () => {
      const random = seededRandom(SEED);
      let shapes = new SpanShapes(Number.POSITIVE_INFINITY);
      let spans = 0;
      let byShape = 0;
      let damaged = 0;
      for (let i = 0; i < BODIES; i++) {
        if (i % 1000 === 0) {
          shapes = new SpanShapes(Number.POSITIVE_INFINITY);
          readings.forgetShapes();
        }
        const body = similarSpans(random);
        if (random() < 0.8) damage(body, random);
        // The view must lie in a larger buffer, as bodies from a pool do.
        const pooled = new Uint8Array(body.length + 32).fill(0xa5);
        pooled.set(body, 16);
        const cut = random() < 0.1 ? Math.floor(random() * body.length) : body.length;
        const pooledBody = pooled.subarray(16, 16 + cut);
        const actual = readings.read(pooledBody, shapes);
        const expected = readings.read(pooledBody, null);
        if (actual.problem !== expected.problem || `${actual.spans}` !== `${expected.spans}`) {
          expect(actual, `body ${i} of seed ${SEED}`).toEqual({ ...expected, byShape: 0 });
        }
        spans += expected.spans.length;
        byShape += actual.byShape;
        if (expected.problem !== '') damaged++;
      }
      // The property means something only while shapes are found, and damage too.
      expect(byShape / spans).toBeGreaterThan(0.15);
      expect(byShape / spans).toBeLessThan(0.9);
      expect(damaged).toBeGreaterThan(BODIES / 10);
    },
    limitMs(30_000),
  );
});

/** Small damage where it hurts: bytes one off, bits, pieces swapped for those of another place. */
function damage(body: Uint8Array, random: () => number): void {
  const changes = 1 + Math.floor(random() * 3);
  for (let i = 0; i < changes; i++) {
    const at = Math.floor(random() * body.length);
    const pick = random();
    if (pick < 0.4) body[at] = body[at]! + (random() < 0.5 ? 1 : -1);
    else if (pick < 0.7) body[at] = body[at]! ^ (1 << Math.floor(random() * 8));
    else if (pick < 0.8) body[at] = Math.floor(random() * 256);
    else {
      const length = 1 + Math.floor(random() * 12);
      const from = Math.floor(random() * body.length);
      body.copyWithin(at, from, from + length);
    }
  }
}

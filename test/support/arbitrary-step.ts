/** Random events of one worker and step, right and wrong values, as a table. */
import fc from 'fast-check';
import { unixNanos } from '#lib/base/units.ts';
import { KINDS, PHASES, STAGES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from './afd-table.ts';

const NAMES = [...STAGES, 'moe', 'dispatch', 'combine', '', 'my_stage', '層'.repeat(100)];
const DAY_NS = 86_400 * 1e9;

/** Mostly plain, at times odd, at times what the schema refuses. */
const mostly = <T>(plain: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, bad: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 60, arbitrary: plain },
    { weight: 12, arbitrary: odd },
    { weight: 1, arbitrary: bad },
  );
const none = fc.constant(-1);
const wide = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
const int32 = fc.oneof(none, fc.nat(2 ** 31 - 1));

const event: fc.Arbitrary<EventRow> = fc.record(
  {
    startNs: mostly(
      fc.nat(60_000_000),
      fc.integer({ min: 0, max: 90 * DAY_NS }),
      fc.constant(90 * DAY_NS),
    ),
    durationNs: mostly(
      fc.integer({ min: 250_000, max: 290_000 }),
      fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 48 })),
      fc.constantFrom(101 * DAY_NS, -5, -70_000),
    ),
    worker: fc.constant(0),
    stage: fc.oneof(fc.nat(3), fc.nat(NAMES.length - 1)),
    kind: fc.oneof(fc.constant(0), fc.nat(KINDS.length - 1)),
    domain: fc.oneof({ weight: 9, arbitrary: fc.constant(2) }, fc.nat(2 ** 31 - 1)),
    layer: mostly(fc.nat(60), int32, fc.constant(-7)),
    microbatch: mostly(fc.nat(2), int32, none),
    phase: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(PHASES.length - 1)),
    peer: mostly(none, int32, none),
    measures: fc.dictionary(
      fc.constantFrom(...MEASURES),
      mostly(fc.nat(100_000), wide, fc.constantFrom(2.5, 31.625, 0.1, 2 ** 60, -4, 2 ** 53)),
      { maxKeys: 4, noNullPrototype: true },
    ),
    lists: fc.dictionary(
      fc.constantFrom(...LISTS),
      fc.array(mostly(fc.nat(300), fc.nat(2 ** 31 - 1), fc.constantFrom(-2, 2 ** 53 - 1)), {
        maxLength: 6,
      }),
      { maxKeys: 2, noNullPrototype: true },
    ),
  },
  { requiredKeys: ['startNs', 'durationNs', 'worker', 'stage', 'kind'] },
);

const base = fc.bigInt({ min: 1_767_225_600_000_000_000n, max: 2n ** 62n });
const rareBase = fc.constantFrom(5n, 946_684_800_000_000_000n - 30_000_000n, 2n ** 63n - 50_000n);
const step = fc.oneof(fc.nat(1000), none, fc.integer({ min: 0, max: 2 ** 53 - 1 }));

export const arbitraryStep: fc.Arbitrary<EventTable> = fc
  .record({
    base: fc.oneof({ weight: 20, arbitrary: base }, { weight: 1, arbitrary: rareBase }),
    step,
    events: fc.array(event, { maxLength: 60 }),
    // Many events of few series, as in real steps.
    repeat: fc.oneof(fc.constant(1), fc.nat(20)),
  })
  .map((model) => {
    const worker = testWorker(0, { domain: 2 });
    const builder = new EventTableBuilder(unixNanos(model.base), [worker], NAMES);
    model.events.forEach((row, i) => {
      const copies = i < 2 ? Math.max(1, model.repeat) : 1;
      for (let copy = 0; copy < copies; copy++) {
        const startNs = Math.min(row.startNs + copy * 810_123 + (copy % 3) * 777, 90 * DAY_NS);
        builder.add({ ...row, step: model.step, startNs });
      }
    });
    return builder.finish();
  });

import { describe, expect, test } from 'vitest';
import { committedMessage } from '#collector/ingest/committed-message.ts';
import type { PendingBatch } from '#collector/ingest/group-commit.ts';
import { isLookedAt } from '#lib/live/step-sampling.ts';
import type { AppendOutcome, TelemetryBatch } from '#lib/store/telemetry-store.ts';
import { concatPacked } from '#lib/table/packed-tables.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { keptSteps } from '#test/support/kept-steps.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const table = afdTable({ role: 'attention', workers: 2, steps: 40, layers: 2 });
const other = afdTable({ role: 'ffn', workers: 1, steps: 5, layers: 2, deployment: 'other' });
const STEP_EVENTS = table.length / 80;

function pending(fields: Partial<TelemetryBatch>): PendingBatch {
  return {
    replyId: 1,
    bodyBytes: 1,
    batch: batchOf('b', fields),
    received: 1,
    rejectedCount: 0,
    rejectedMessage: '',
  };
}

function stored(fields: Partial<AppendOutcome> = {}): AppendOutcome {
  return { duplicate: false, sequence: 1, freshPacked: [], duplicateStepEvents: 0, ...fields };
}

describe('what of a commit is looked at', () => {
  test('all of it, a table a deployment, with bytes of its own', () => {
    const [steps] = keptSteps(table);
    const [others] = keptSteps(other);
    const { packed, leftOut, rejected } = committedMessage(
      [pending({ packed: [steps!] }), pending({ packed: [others!, steps!] })],
      [stored({ freshPacked: [null] }), stored({ freshPacked: [null, Uint32Array.of(3)] })],
      new Map(),
    );
    expect(packed.map(({ workers }) => workers[0]!.deployment)).toEqual(['prod', 'other']);
    expect(packed[0]!.length).toBe(81);
    expect(packed[0]!.bytes.buffer).not.toBe(steps!.bytes.buffer);
    expect(packed[1]!.events).toBe(other.length);
    expect(leftOut.size).toBe(0);
    // The steps of the last table that were there before.
    expect(rejected.get('prod')).toEqual({ duplicate: table.length - STEP_EVENTS });
  });

  test('duplicates are counted, not sent', () => {
    const message = committedMessage(
      [pending({ packed: keptSteps(table), events: [other] })],
      [stored({ duplicate: true })],
      new Map(),
    );
    expect(message.packed).toEqual([]);
    expect(message.events).toEqual([]);
    expect(message.rejected.get('prod')).toEqual({ duplicate: table.length });
    expect(message.rejected.get('other')).toEqual({ duplicate: other.length });
  });

  test('of a sampled deployment whole steps, the same of packed and plain ones; the rest is counted', () => {
    const every = new Map([['prod', 4]]);
    const [steps] = keptSteps(table);
    const message = committedMessage(
      [pending({ packed: [steps!], events: [table, other] })],
      [stored({ freshPacked: [null] })],
      every,
    );
    const expected = Array.from({ length: 40 }, (_, step) => step).filter((step) =>
      isLookedAt(step, 4),
    );
    expect(expected.length).toBeGreaterThan(6);
    expect(expected.length).toBeLessThan(14);
    const packed = concatPacked(message.packed);
    expect([...new Set(packed.step)].sort((a, b) => a - b)).toEqual(expected);
    expect(packed.events).toBe(expected.length * 2 * STEP_EVENTS);
    const [plain, whole] = message.events;
    expect([...new Set(plain!.step)].sort((a, b) => a - b)).toEqual(expected);
    expect(plain!.length).toBe(packed.events);
    expect(whole).toBe(other);
    expect(message.leftOut).toEqual(new Map([['prod', 2 * (table.length - packed.events)]]));
  });
});

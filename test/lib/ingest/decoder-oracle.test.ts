import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Encoding } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import {
  flatRejects,
  type OracleOutcome,
  oracleDecode,
  tableEvents,
} from '#test/support/oracle-decode.ts';
import { modelRequest, modelToJson, modelToProtobuf } from '#test/support/random-otlp.ts';

/** One decoder for all runs: what it remembers must never change an answer. */
const decoder = new Decoder({ ...DEFAULT_DECODE_LIMITS, maxStages: 30_000 });

function decoded(encoding: Encoding, body: Uint8Array): OracleOutcome {
  const before = new Uint8Array(body);
  const result = decoder.decode('traces', encoding, body);
  if (!result.ok) throw new Error(result.error.message);
  expect(Buffer.compare(body, before)).toBe(0);
  const { received, events, rejected, rejectedCount } = result.value;
  const rows = tableEvents(events);
  expect(rows.length + rejectedCount).toBe(received);
  return { received, events: rows, rejected: flatRejects(rejected) };
}

describe('the decoder against the plain one', () => {
  it('agrees on random protobuf requests', () => {
    let events = 0;
    const reasons = new Set<string>();
    fc.assert(
      fc.property(modelRequest, (request) => {
        const body = modelToProtobuf(request);
        const expected = oracleDecode(body);
        expect(decoded('protobuf', body)).toEqual(expected);
        events += expected.events.length;
        for (const key of Object.keys(expected.rejected)) reasons.add(key.split(':')[1]!);
      }),
      { numRuns: 2000, seed: 20261123 },
    );
    // The property means something only while requests are rich.
    expect(events).toBeGreaterThan(1000);
    expect([...reasons].sort()).toEqual([
      'bad_attribute',
      'bad_packed',
      'bad_time',
      'clamped',
      'no_role',
      'not_afd',
      'own_telemetry',
    ]);
  });

  it('agrees on the same requests as JSON', () => {
    fc.assert(
      fc.property(modelRequest, (request) => {
        const expected = oracleDecode(modelToProtobuf(request));
        expect(decoded('json', Buffer.from(modelToJson(request)))).toEqual(expected);
      }),
      { numRuns: 2000, seed: 424242 },
    );
  });
});

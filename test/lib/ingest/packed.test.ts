import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decoded } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, type DecodeLimits, Decoder } from '#lib/ingest/decoder.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { afdTable, testWorker } from '#test/support/afd-table.ts';
import { arbitraryStep } from '#test/support/arbitrary-step.ts';
import { flatRejects, tableEvents } from '#test/support/oracle-decode.ts';
import { encodeTracesProtobuf, resourceAttributes } from '#test/support/otlp-encode.ts';
import {
  encodePackedProtobuf,
  packedRequest,
  packStep,
  rowsByStep,
} from '#test/support/packed-spans.ts';
import { rounds } from '#test/support/tier.ts';

const resource = resourceAttributes(testWorker(0));

/** One decoder for all: what it remembers must never change an answer. */
const shared = new Decoder(DEFAULT_DECODE_LIMITS);

function decode(body: Uint8Array, limits?: Partial<DecodeLimits>): Decoded {
  const decoder =
    limits === undefined ? shared : new Decoder({ ...DEFAULT_DECODE_LIMITS, ...limits });
  const result = decoder.decode('traces', 'protobuf', body);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function outcome({ received, events, rejected }: Decoded) {
  return { received, events: tableEvents(events), rejected: flatRejects(rejected) };
}

const stored = ({ events }: Decoded) => events.reduce((sum, { length }) => sum + length, 0);

const step = afdTable({ role: 'attention', workers: 1, steps: 1, layers: 9, measures: true });
const payload = packStep(step, [...step.worker.keys()]);

/** The payload with one byte changed; its checksum made right again where `seal` says so. */
function changed(at: number, byte: number, seal: boolean): Uint8Array {
  const bytes = new Uint8Array(payload);
  bytes[at] = byte;
  if (seal) new DataView(bytes.buffer).setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

describe('packed steps', () => {
  it('give the same as plain spans of the same events, refusals included', () => {
    let events = 0;
    const reasons = new Set<string>();
    fc.assert(
      fc.property(arbitraryStep, (table) => {
        const plain = outcome(decode(encodeTracesProtobuf(table)));
        expect(outcome(decode(encodePackedProtobuf(table)))).toEqual(plain);
        events += plain.events.length;
        for (const key of Object.keys(plain.rejected)) reasons.add(key.split(':')[1]!);
      }),
      { numRuns: rounds(400, 20_000), seed: 20261123 },
    );
    expect(events).toBeGreaterThan(2000);
    expect([...reasons].sort()).toEqual(['bad_attribute', 'bad_time', 'clamped']);
  });

  it('give rows in the order of their starts', () => {
    const table = simulateSteps(scenarioSpec('healthy'), { steps: 1 });
    const { events } = decode(encodePackedProtobuf(table));
    const { startNs, worker, length } = events[0]!;
    expect(length).toBe(table.length);
    let backwards = 0;
    for (let i = 1; i < length; i++) {
      if (worker[i] === worker[i - 1] && startNs[i]! < startNs[i - 1]!) backwards++;
    }
    expect(backwards).toBe(0);
  });

  it.each(['healthy', 'ffn-bound', 'latency-bound', 'strict'] as const)(
    'take at most 6 bytes an event: a simulated step, %s',
    (scenario) => {
      const shape = { attentionWorkers: 2, ffnWorkers: 1 };
      const table = simulateSteps(scenarioSpec(scenario, shape), { steps: 2 });
      expect(rowsByStep(table)).toHaveLength(6);
      for (const rows of rowsByStep(table)) {
        expect(packStep(table, rows).length / rows.length).toBeLessThan(6);
      }
    },
  );

  it('mix with plain spans of the same worker', () => {
    const plain = encodeTracesProtobuf(step);
    const both = new Uint8Array([...plain, ...encodePackedProtobuf(step), ...plain]);
    const { events, received } = decode(both);
    expect(received).toBe(step.length * 3);
    const single = tableEvents([step]);
    expect(tableEvents(events)).toEqual(single.flatMap((event) => [event, event, event]));
    expect(events[0]!.workers).toHaveLength(1);
  });
});

describe('a packed step that cannot be read', () => {
  it.each([
    ['another version', changed(3, 2, false), 'version 2 of packed steps is not known', 1],
    ['another magic', changed(0, 1, false), 'it is no packed step', 1],
    ['a flipped bit', changed(90, payload[90]! ^ 4, false), 'the checksum differs', 1],
    ['a short one', payload.subarray(0, 12), 'it is shorter than its header', 1],
    ['nothing', payload.subarray(0, 0), 'it is shorter than its header', 1],
    // Byte 17 is the number of events.
    ['a count beyond its bytes', withCount(1e6), 'too many events', 1],
    ['a wrong count', withCount(step.length + 1), 'events are missing', step.length + 1],
  ])('is counted, the rest of the request lives: %s', (_, bytes, message, events) => {
    const body = packedRequest([{ resource, payloads: [payload, bytes, payload] }]);
    const { received, rejected, rejectedCount, rejectedMessage, ...rest } = decode(body);
    expect(stored({ received, rejected, rejectedCount, rejectedMessage, ...rest })).toBe(
      step.length * 2,
    );
    expect(received).toBe(step.length * 2 + events);
    expect(rejected).toEqual(new Map([['prod', { bad_packed: events }]]));
    expect(rejectedCount).toBe(events);
    expect(rejectedMessage).toContain('of packed steps that cannot be read');
    expect(rejectedMessage).toContain(message);
  });

  it('is one that brings more events than a request may hold', () => {
    const body = packedRequest([{ resource, payloads: [payload, payload] }]);
    const decoded = decode(body, { maxPackedEvents: step.length + 1 });
    expect(stored(decoded)).toBe(step.length);
    expect(decoded.rejected).toEqual(new Map([['prod', { bad_packed: step.length }]]));
    expect(decoded.rejectedMessage).toContain('send fewer spans at a time');
  });

  it('counts once where its sender has no role', () => {
    const body = packedRequest([{ resource: [['afd.rank', 1]], payloads: [payload] }]);
    expect(decode(body)).toMatchObject({ received: 1, rejectedCount: 1 });
  });
});

/** The payload, declaring so many events. */
function withCount(events: number): Uint8Array {
  const head = [...payload.subarray(0, 16), 1];
  // A step of 0, then the count of two bytes.
  const rest = payload.subarray(16 + 1 + (step.length > 127 ? 2 : 1));
  const count: number[] = [];
  for (let left = events; ; left = Math.floor(left / 128)) {
    count.push(left > 127 ? (left % 128) | 128 : left);
    if (left <= 127) break;
  }
  const bytes = Uint8Array.from([...head, ...count, ...rest]);
  new DataView(bytes.buffer).setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

describe('afd.packed', () => {
  const json = (value: object) => ({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'afd.role', value: { stringValue: 'attention' } },
            { key: 'afd.deployment', value: { stringValue: 'prod' } },
          ],
        },
        scopeSpans: [{ spans: [{ name: 'afd.step', attributes: [{ key: 'afd.packed', value }] }] }],
      },
    ],
  });
  const decodeJson = (value: object) => {
    const body = Buffer.from(JSON.stringify(json(value)));
    const result = new Decoder(DEFAULT_DECODE_LIMITS).decode('traces', 'json', body);
    if (!result.ok) throw new Error(result.error.message);
    return result.value;
  };
  const base64 = Buffer.from(payload).toString('base64');

  it.each([
    ['bytesValue', { bytesValue: base64 }],
    ['unpadded, URL alphabet', { bytesValue: Buffer.from(payload).toString('base64url') }],
    ['stringValue', { stringValue: base64 }],
  ])('is base64 in JSON: %s', (_, value) => {
    const { events, rejectedCount } = decodeJson(value);
    expect([events[0]?.length, rejectedCount]).toEqual([step.length, 0]);
    const times = (table: EventTable) => [...table.durationNs].sort();
    expect(times(events[0]!)).toEqual(times(step));
  });

  it.each([
    [{ bytesValue: `${base64.slice(0, -5)}!!!!` }, 'no base64'],
    [{ intValue: '5' }, 'afd.packed must be bytes'],
    [{ arrayValue: { values: [] } }, 'afd.packed must be bytes'],
  ])('of another form is counted: %j', (value, message) => {
    const { received, rejected, rejectedMessage } = decodeJson(value);
    expect([received, rejected]).toEqual([1, new Map([['prod', { bad_packed: 1 }]])]);
    expect(rejectedMessage).toContain(message);
  });
});

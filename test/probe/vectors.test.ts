/** Packed steps that the probe wrote, read by the collector's decoder; and the same bytes from both
 * encoders. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { defaultKind } from '#lib/model/stages.ts';
import { KINDS, STAGES, type StageName } from '#lib/table/codes.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { tableEvents } from '#test/support/oracle-decode.ts';
import { resourceAttributes } from '#test/support/otlp-encode.ts';
import { packedRequest, packStep } from '#test/support/packed-spans.ts';
import { PYTHON, runPython } from '#test/support/python.ts';
import { rounds } from '#test/support/tier.ts';

const STEPS = rounds(60, 3000);
const resource = resourceAttributes(testWorker(5, { domain: 2 }));

interface Said {
  readonly step: number;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly quick: string;
  readonly full: string;
}

function parseLines(text: string): Said[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Said);
}

function decode(payload: Uint8Array) {
  const body = packedRequest([{ resource, payloads: [payload] }]);
  const result = new Decoder(DEFAULT_DECODE_LIMITS).decode('traces', 'protobuf', body);
  if (!result.ok) throw new Error(result.error.message);
  expect(result.value.rejected).toEqual(new Map());
  return result.value.events;
}

const ALIASES: Readonly<Record<string, string>> = { moe: 'expert', dispatch: 'a2f_send' };

/** The events as the decoder gives them, in an order of their own. */
function expectedEvents({ step, events }: Said): string[] {
  return inOrder(
    events.map(({ stage, startUnixNs, ...fields }) => {
      const known = ALIASES[stage as string] ?? (stage as string);
      const code = STAGES.indexOf(known as StageName);
      return {
        deployment: 'prod',
        group: 'attention',
        rank: 5,
        domain: 2,
        step,
        layer: -1,
        microbatch: -1,
        kind: code < 0 ? 'host' : KINDS[defaultKind(code)],
        phase: 'decode',
        peer: -1,
        ...fields,
        stage: known,
        startUnixNs: BigInt(startUnixNs as string),
      };
    }),
  );
}

function inOrder(events: readonly object[]): string[] {
  const text = (event: object) =>
    JSON.stringify(
      Object.entries(event)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => [key, typeof value === 'bigint' ? String(value) : value]),
    );
  return events.map(text).sort();
}

describe('packed steps of the probe', () => {
  it.skipIf(PYTHON === null)(
    `are read as they were recorded, ${STEPS} random ones`,
    () => {
      const seed = 20261128;
      const said = parseLines(runPython(['-m', 'tests.vectors', String(seed), String(STEPS)]));
      expect(said).toHaveLength(STEPS);
      for (const [index, one] of said.entries()) {
        const expected = expectedEvents(one);
        for (const encoding of ['quick', 'full'] as const) {
          const got = tableEvents(decode(Buffer.from(one[encoding], 'base64')));
          expect(inOrder(got), `step ${index} of seed ${seed}, ${encoding}`).toEqual(expected);
        }
      }
    },
    300_000,
  );

  it.skipIf(PYTHON === null)(
    'are, by the full encoder, the bytes that the TypeScript encoder writes',
    () => {
      const said = parseLines(runPython(['-m', 'tests.vectors', '77', String(STEPS)]));
      let compared = 0;
      for (const one of said) {
        const starts = new Set(one.events.map(({ startUnixNs }) => startUnixNs));
        // Events of one start have no order that both sides must agree in.
        if (starts.size !== one.events.length) continue;
        // Of other stages the decoder gives a kind, whether one was written or not.
        const isKnown = ({ stage, kind }: Readonly<Record<string, unknown>>) =>
          kind !== undefined || STAGES.includes(stage as StageName);
        if (!one.events.every(isKnown)) continue;
        // The differences of larger ones are not exact in a double.
        const values = one.events.flatMap((event) => Object.values(event));
        if (values.some((value) => typeof value === 'number' && value >= 2 ** 51)) continue;
        const [table] = decode(Buffer.from(one.quick, 'base64'));
        if (table === undefined) continue;
        const bytes = packStep(table, [...table.worker.keys()]);
        expect(Buffer.from(bytes).toString('base64')).toBe(one.full);
        compared++;
      }
      expect(compared).toBeGreaterThan(STEPS / 10);
    },
    300_000,
  );

  it.skipIf(PYTHON === null)('and the shared vectors are read from its bytes', () => {
    const folder = join(import.meta.dirname, '../vectors/packed');
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThanOrEqual(5);
    const input = files.map((name) =>
      JSON.stringify(JSON.parse(readFileSync(join(folder, name), 'utf8'))),
    );
    const said = parseLines(runPython(['-m', 'tests.vectors'], input.join('\n')));
    expect(said).toHaveLength(files.length);
    for (const one of said) {
      for (const encoding of ['quick', 'full'] as const) {
        const got = tableEvents(decode(Buffer.from(one[encoding], 'base64')));
        expect(inOrder(got)).toEqual(expectedEvents(one));
      }
    }
  });
});

describe('metrics of the probe', () => {
  it.skipIf(PYTHON === null)('are stored as they are meant', () => {
    const body = Buffer.from(runPython(['-m', 'tests.vectors', 'metrics']).trim(), 'base64');
    const result = new Decoder(DEFAULT_DECODE_LIMITS).decode('metrics', 'protobuf', body);
    if (!result.ok) throw new Error(result.error.message);
    expect(result.value.rejected).toEqual(new Map());
    const points = result.value.metrics.flatMap((table) =>
      Array.from({ length: table.length }, (_, i) => {
        const { name, type, unit, workerId, hwId, attributes, cumulative } =
          table.series[table.seriesIndex[i]!]!;
        const [value, count] = [table.value[i], table.count[i]];
        return { name, type, unit, workerId, hwId, attributes, cumulative, value, count };
      }),
    );
    const common = { workerId: 'attention/5', hwId: '' };
    const duration = { ...common, name: 'afd.stage.duration', type: 'histogram', unit: 's' };
    const key = (point: { name: string; attributes: string }) => point.name + point.attributes;
    points.sort((a, b) => (key(a) < key(b) ? -1 : 1));
    expect(points).toEqual([
      {
        ...duration,
        cumulative: false,
        attributes: '{"afd.layer":0,"afd.stage":"attention"}',
        value: 0.000004,
        count: 2,
      },
      {
        ...duration,
        cumulative: false,
        attributes: '{"afd.layer":1,"afd.stage":"attention"}',
        value: 0.000005,
        count: 1,
      },
      {
        ...common,
        name: 'afdscope.probe.dropped_events',
        type: 'sum',
        unit: '1',
        attributes: '{"reason":"late"}',
        cumulative: true,
        value: 7,
        count: 1,
      },
      {
        ...common,
        hwId: 'GPU-5',
        name: 'hw.gpu.utilization',
        type: 'gauge',
        unit: '1',
        attributes: '{"hw.id":"GPU-5"}',
        cumulative: expect.any(Boolean),
        value: 0.25,
        count: 1,
      },
    ]);
  });
});

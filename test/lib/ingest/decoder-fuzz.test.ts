import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Encoding, Signal } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { MetricsRequest } from '#test/support/otlp-schema.ts';
import { modelRequest, modelToJson, modelToProtobuf } from '#test/support/random-otlp.ts';
import { rounds } from '#test/support/tier.ts';

const MUTATIONS = rounds(100_000, 5_000_000);

const models = fc.sample(modelRequest, { numRuns: 300, seed: 5 });
const metricsObject = {
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'hw.id', value: { stringValue: 'GPU-1' } }] },
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'g',
              unit: '1',
              gauge: { dataPoints: [{ timeUnixNano: 17e17, asDouble: 0.5 }] },
            },
            {
              name: 'h',
              histogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  {
                    timeUnixNano: 17e17,
                    count: 3,
                    sum: 2,
                    bucketCounts: [1, 2],
                    explicitBounds: [5],
                  },
                ],
              },
            },
          ],
        },
      ],
    },
  ],
};
const seeds: { signal: Signal; encoding: Encoding; body: Uint8Array }[] = [
  ...models.map((model) => ({
    signal: 'traces' as const,
    encoding: 'protobuf' as const,
    body: modelToProtobuf(model),
  })),
  ...models.map((model) => ({
    signal: 'traces' as const,
    encoding: 'json' as const,
    body: Buffer.from(modelToJson(model)),
  })),
  {
    signal: 'metrics',
    encoding: 'protobuf',
    body: MetricsRequest.encode(MetricsRequest.fromObject(metricsObject)).finish(),
  },
  { signal: 'metrics', encoding: 'json', body: Buffer.from(JSON.stringify(metricsObject)) },
];

describe('damaged bodies', () => {
  it(`are refused or read in part, ${MUTATIONS} of them, and nothing is thrown`, () => {
    const decoder = new Decoder({ ...DEFAULT_DECODE_LIMITS, maxStages: 64, maxWorkers: 64 });
    const random = seededRandom(99);
    const below = (limit: number) => Math.floor(random() * limit);
    let refused = 0;
    let taken = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const seed = seeds[below(seeds.length)]!;
      const body = mutate(seed.body, below);
      const signal =
        below(20) === 0 ? (['traces', 'metrics', 'logs'] as const)[below(3)]! : seed.signal;
      const result = decoder.decode(signal, seed.encoding, body);
      if (result.ok) {
        taken++;
        const { received, rejectedCount, events, metrics, logRecords } = result.value;
        const rows = [...events, ...metrics].reduce((sum, { length }) => sum + length, 0);
        if (rows + rejectedCount + logRecords !== received) {
          throw new Error(`mutation ${i}: ${received} received, ${rows} stored`);
        }
      } else {
        refused++;
        const { message, byteOffset } = result.error;
        if (!/^malformed .* at byte \d+$/.test(message) || byteOffset > body.length) {
          throw new Error(`mutation ${i}: ${message}`);
        }
      }
    }
    expect(taken).toBeGreaterThan(MUTATIONS / 20);
    expect(refused).toBeGreaterThan(MUTATIONS / 20);
  });
});

function mutate(from: Uint8Array, below: (limit: number) => number): Uint8Array {
  let body = new Uint8Array(from);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(body.length + 1);
    switch (below(5)) {
      case 0:
        if (at < body.length) body[at] = below(256);
        break;
      case 1:
        if (at < body.length) body[at] = body[at]! ^ (1 << below(8));
        break;
      case 2:
        body = body.slice(0, at);
        break;
      case 3:
        body = joined(body.subarray(0, at), body.subarray(at + 1 + below(8)));
        break;
      default: {
        const piece = Uint8Array.from({ length: 1 + below(12) }, () => below(256));
        body = joined(body.subarray(0, at), piece, body.subarray(at));
      }
    }
  }
  return body;
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { defaultKind } from '#lib/model/stages.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { KINDS, STAGES, type StageName } from '#lib/table/codes.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { tableEvents } from '#test/support/oracle-decode.ts';
import { resourceAttributes } from '#test/support/otlp-encode.ts';
import { packedRequest, packStep } from '#test/support/packed-spans.ts';

const folder = join(import.meta.dirname, '../../vectors/packed');
const names = readdirSync(folder).filter((name) => name.endsWith('.bin'));
const worker = testWorker(5, { domain: 2 });
const resource = resourceAttributes(worker);

interface VectorFile {
  readonly step: number;
  readonly events: readonly {
    readonly stage: string;
    readonly startUnixNs: string;
    readonly [field: string]: unknown;
  }[];
}

function decode(payload: Uint8Array) {
  const body = packedRequest([{ resource, payloads: [payload] }]);
  const result = new Decoder(DEFAULT_DECODE_LIMITS).decode('traces', 'protobuf', body);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** The names in the vectors that mean a stage of another name. */
const ALIASES: Readonly<Record<string, string>> = { moe: 'expert', dispatch: 'a2f_send' };

describe('vectors', () => {
  it('are there', () => expect(names.length).toBeGreaterThanOrEqual(5));

  it.each(names)('%s', (name) => {
    const text = readFileSync(join(folder, name.replace(/bin$/, 'json')), 'utf8');
    const vector = JSON.parse(text) as VectorFile;
    const { received, events, rejected } = decode(readFileSync(join(folder, name)));
    expect(rejected).toEqual(new Map());
    expect(received).toBe(vector.events.length);
    const expected = vector.events.map(({ stage, ...fields }) => {
      const known = ALIASES[stage] ?? stage;
      return {
        deployment: 'prod',
        group: 'attention',
        rank: 5,
        domain: 2,
        step: vector.step,
        layer: -1,
        microbatch: -1,
        kind: KINDS[defaultKind(STAGES.indexOf(known as StageName))],
        phase: 'decode',
        peer: -1,
        ...fields,
        stage: known,
        startUnixNs: BigInt(fields.startUnixNs),
      };
    });
    const got = tableEvents(events);
    expect(got).toHaveLength(expected.length);
    expect(got).toEqual(expect.arrayContaining(expected));
  });
});

describe('simulated-step.bin', () => {
  const table = simulateSteps(scenarioSpec('healthy', { layers: 6, attentionWorkers: 1 }), {
    steps: 1,
    faults: { commTail: { probability: 0.1, factor: 7 } },
  });
  const rows = Array.from(table.worker.keys()).filter((row) => table.worker[row] === 0);

  it('is what the encoder still writes', () => {
    const bytes = readFileSync(join(folder, 'simulated-step.bin'));
    expect(Buffer.compare(packStep(table, rows), bytes)).toBe(0);
  });
});

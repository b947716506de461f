import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { tableEvents } from '#test/support/oracle-decode.ts';

const folder = join(import.meta.dirname, '../../vectors/otlp');
const START = 1_767_225_600_000_000_000n;

function decode(encoding: 'json' | 'protobuf', body: Uint8Array) {
  const result = new Decoder(DEFAULT_DECODE_LIMITS).decode('traces', encoding, body);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe('vectors', () => {
  it('python-sdk.hex', () => {
    const hex = readFileSync(join(folder, 'python-sdk.hex'), 'utf8').replaceAll(/\s/g, '');
    const { received, events, rejected } = decode('protobuf', Buffer.from(hex, 'hex'));
    expect(received).toBe(4);
    expect(rejected).toEqual(new Map([['prod', { clamped: 1, bad_attribute: 1 }]]));
    expect(events[0]!.workers).toMatchObject([{ role: 'attention', rank: 3, hwId: 'GPU-5c89' }]);
    const common = { deployment: 'prod', group: 'attention', rank: 3, domain: 0, step: 7 };
    expect(tableEvents(events)).toEqual(
      expect.arrayContaining([
        {
          ...common,
          startUnixNs: START,
          durationNs: 270_000,
          layer: 0,
          microbatch: 1,
          stage: 'attention',
          kind: 'compute',
          phase: 'decode',
          peer: -1,
        },
        {
          ...common,
          startUnixNs: START + 270_000n,
          durationNs: 30_000,
          layer: -1,
          microbatch: 0,
          stage: 'my_stage',
          kind: 'host',
          phase: 'decode',
          peer: -1,
          tokens: 2 ** 40,
          expertsMeanTokens: 3.25,
          peers: [0, 1, 300],
        },
        {
          ...common,
          startUnixNs: START + 300_000n,
          durationNs: 0,
          layer: 0,
          microbatch: 1,
          stage: 'a2f_send',
          kind: 'transfer',
          phase: 'decode',
          peer: -1,
        },
      ]),
    );
  });

  it('odd-spellings.json', () => {
    const { received, events, rejected, rejectedMessage } = decode(
      'json',
      readFileSync(join(folder, 'odd-spellings.json')),
    );
    expect(received).toBe(3);
    expect(rejected).toEqual(new Map([['default', { bad_attribute: 1 }]]));
    expect(rejectedMessage).toContain('afd.layer must be an integer from -1 to 2^31-1');
    const common = {
      deployment: 'default',
      group: 'attention',
      rank: 12,
      domain: 0,
      phase: 'decode',
      peer: -1,
    };
    expect(tableEvents(events)).toEqual(
      expect.arrayContaining([
        {
          ...common,
          startUnixNs: START + 123n,
          durationNs: 154,
          step: 43,
          layer: 3,
          microbatch: 1,
          stage: 'attention',
          kind: 'compute',
          tokens: 2 ** 53 - 1,
          peers: [2, 5],
        },
        {
          ...common,
          startUnixNs: START + 124n,
          durationNs: 1,
          step: -1,
          layer: -1,
          microbatch: -1,
          stage: 'röuter 🙂',
          kind: 'host',
        },
      ]),
    );
  });
});

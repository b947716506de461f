import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Decoded, Encoding, Signal } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, type DecodeLimits, Decoder } from '#lib/ingest/decoder.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { tableEvents } from '#test/support/oracle-decode.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

const START = 1_767_225_600_000_000_000n;
const START_S = Number(START / 1_000_000_000n);
const WORKER = { 'afd.role': 'attention', 'afd.rank': 3 };

function decode(
  body: Uint8Array | string | object,
  signal: Signal = 'traces',
  encoding: Encoding = 'json',
  limits: Partial<DecodeLimits> = {},
): Decoded {
  const bytes =
    body instanceof Uint8Array
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const result = new Decoder({ ...DEFAULT_DECODE_LIMITS, ...limits }).decode(
    signal,
    encoding,
    bytes,
  );
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function attributes(values: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'number'
          ? { doubleValue: value }
          : value,
  }));
}

interface TestSpan {
  readonly name?: string;
  readonly start?: bigint;
  readonly end?: bigint;
  readonly [attribute: `afd.${string}`]: unknown;
}

function request(resource: Readonly<Record<string, unknown>>, ...spans: TestSpan[]): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributes(resource) },
        scopeSpans: [
          {
            spans: spans.map(
              ({ name = 'attention', start = START, end = start + 5n, ...rest }) => ({
                name,
                startTimeUnixNano: String(start),
                endTimeUnixNano: String(end),
                attributes: attributes(rest),
              }),
            ),
          },
        ],
      },
    ],
  };
}

describe('spans', () => {
  it('come back as they were encoded, in both encodings', () => {
    const table = afdTable({ role: 'ffn', workers: 3, steps: 2, layers: 5, measures: true });
    const events = tableEvents([table]);
    const protobuf = decode(encodeTracesProtobuf(table), 'traces', 'protobuf');
    expect(tableEvents(protobuf.events)).toEqual(events);
    expect(protobuf.events[0]!.workers).toEqual(table.workers);
    expect(tableEvents(decode(encodeTracesJson(table)).events)).toEqual(events);
  });

  it('start their table at its first instant', () => {
    const { events } = decode(request(WORKER, { start: START + 9n }, { start: START }));
    expect(events[0]!.baseUnixNs).toBe(START);
    expect([...events[0]!.startNs]).toEqual([9, 0]);
  });

  it('go to a new table where they lie over 100 days apart', () => {
    const day = 86_400n * 10n ** 9n;
    const spans = [0n, 60n, 99n, 101n, -50n].map((days) => ({ start: START + days * day }));
    const { events, rejectedCount } = decode(request(WORKER, ...spans));
    expect(rejectedCount).toBe(0);
    expect(events.map(({ length }) => length)).toEqual([3, 1, 1]);
    expect(
      tableEvents(events)
        .map(({ startUnixNs }) => startUnixNs)
        .sort(),
    ).toEqual(spans.map(({ start }) => start).sort());
    expect(events.every((table) => table.workers.length === 1)).toBe(true);
  });

  it('take the span name where afd.stage is absent, and the stage its default kind', () => {
    const { events } = decode(
      request(WORKER, { name: 'send_attn_output' }, { name: 'x', 'afd.stage': 'recv_ffn_output' }),
    );
    expect([...events[0]!.stage]).toEqual([Stage.a2f_send, Stage.f2a_recv]);
    expect([...events[0]!.kind]).toEqual([Kind.transfer, Kind.receive]);
  });

  it('keep an unknown stage under its name', () => {
    const [table] = decode(
      request(WORKER, { name: 'my_stage' }, { name: 'my_stage', 'afd.kind': 'compute' }),
    ).events;
    expect([...table!.stage].map((code) => table!.stageNames[code])).toEqual([
      'my_stage',
      'my_stage',
    ]);
    expect([...table!.kind]).toEqual([Kind.host, Kind.compute]);
  });

  it('count what they were forced into', () => {
    const long = '層'.repeat(100);
    const { events, rejected, marks, rejectedCount, rejectedMessage } = decode(
      request(WORKER, { start: START, end: START - 9n }, { name: long }),
    );
    expect([...events[0]!.durationNs]).toEqual([0, 5]);
    expect(events[0]!.stageNames.at(-1)).toBe('層'.repeat(85));
    expect(rejected).toEqual(new Map([['default', { clamped: 2 }]]));
    expect(marks).toEqual([
      { deployment: 'default', reason: 'clamped', unixS: START_S, events: 2 },
    ]);
    expect([rejectedCount, rejectedMessage]).toEqual([0, '']);
  });

  it.each([
    [{ 'service.name': 'checkout' }, {}, '', 'not_afd', '2 spans carry no afd.* attribute'],
    [{}, { 'afd.step': 1 }, '', 'no_role', '2 spans have no usable afd.role'],
    [
      { 'afd.role': 'boss', 'afd.deployment': 'p' },
      {},
      'p',
      'no_role',
      'set the resource attribute',
    ],
    [{ ...WORKER, 'afd.rank': 'x' }, {}, 'default', 'bad_attribute', 'attribute afd.rank must be'],
    [WORKER, { 'afd.step': -1 }, 'default', 'bad_attribute', 'afd.step must be an integer from 0'],
    [WORKER, { 'afd.step': 2 ** 53 }, 'default', 'bad_attribute', 'afd.step'],
    [
      WORKER,
      { 'afd.layer': 3.5 },
      'default',
      'bad_attribute',
      'afd.layer must be an integer from -1',
    ],
    [WORKER, { 'afd.layer': -2 }, 'default', 'bad_attribute', 'afd.layer'],
    [WORKER, { 'afd.kind': 'gpu' }, 'default', 'bad_attribute', 'afd.kind must be a string that'],
    [WORKER, { 'afd.stage': 7 }, 'default', 'bad_attribute', 'afd.stage'],
    [WORKER, { 'afd.tokens': 'many' }, 'default', 'bad_attribute', 'afd.tokens'],
    [WORKER, { start: 0n }, 'default', 'bad_time', 'start time that no unix clock gives'],
    [WORKER, { start: 10n ** 15n }, 'default', 'bad_time', 'unix nanoseconds'],
    [WORKER, { start: 2n ** 63n }, 'default', 'bad_time', 'unix nanoseconds'],
    [WORKER, { end: START + 2n ** 54n }, 'default', 'bad_time', 'unix nanoseconds'],
    [
      { ...WORKER, 'service.name': 'afdscope' },
      {},
      '',
      'own_telemetry',
      'service.name is afdscope',
    ],
    [
      WORKER,
      { 'afd.packed': { bytesValue: 'AAAA' } },
      'default',
      'bad_packed',
      'are of packed steps that cannot be read',
    ],
  ])('case %# are counted, not stored', (resource, span, deployment, reason, message) => {
    const decoded = decode(request(resource, span as TestSpan, span as TestSpan));
    expect(decoded.events).toEqual([]);
    expect(decoded.rejected).toEqual(new Map([[deployment, { [reason]: 2 }]]));
    // What is wrong with the time has none.
    const unixS = reason === 'bad_time' ? null : START_S;
    expect(decoded.marks).toEqual([{ deployment, reason, unixS, events: 2 }]);
    expect([decoded.received, decoded.rejectedCount]).toEqual([2, 2]);
    expect(decoded.rejectedMessage).toContain(message);
  });

  it('say every reason in one sentence', () => {
    const { rejectedMessage } = decode(
      request(WORKER, { 'afd.step': -1 }, { start: 0n }, { 'afd.step': -5 }, {}),
    );
    expect(rejectedMessage).toBe(
      '2 spans have an attribute that the schema does not allow (the first: afd.step must be an integer from 0 to 2^53-1); and 1 span has a start time that no unix clock gives; times are unix nanoseconds',
    );
  });

  it('stay within the bounds on workers, deployments and stages', () => {
    const decoder = new Decoder({
      ...DEFAULT_DECODE_LIMITS,
      maxWorkers: 3,
      maxDeployments: 2,
      maxStages: 2,
    });
    const send = (resource: Readonly<Record<string, unknown>>, name: string) => {
      const body = Buffer.from(JSON.stringify(request(resource, { name })));
      const result = decoder.decode('traces', 'json', body);
      return result.ok ? [...result.value.rejected].map(([, counts]) => counts) : null;
    };
    const refused = [{ cardinality: 1 }];
    for (let rank = 0; rank < 3; rank++)
      expect(send({ ...WORKER, 'afd.rank': rank }, 'gate')).toEqual([]);
    expect(send({ ...WORKER, 'afd.rank': 3 }, 'gate')).toEqual(refused);
    // A worker that restarts is no new worker.
    expect(send({ ...WORKER, 'afd.rank': 2, 'afd.incarnation': 'b' }, 'gate')).toEqual([]);
    expect(send({ ...WORKER, 'afd.rank': 0, 'afd.deployment': 'b' }, 'gate')).toEqual(refused);
    expect(send({ ...WORKER, 'afd.rank': 0, 'afd.deployment': 'c' }, 'gate')).toEqual(refused);
    for (const name of ['one', 'two', 'one', 'moe'])
      expect(send({ ...WORKER, 'afd.rank': 1 }, name)).toEqual([]);
    expect(send({ ...WORKER, 'afd.rank': 1 }, 'three')).toEqual(refused);
  });

  it('forget resources that change all the time, and stay right', () => {
    const decoder = new Decoder({ ...DEFAULT_DECODE_LIMITS, maxWorkers: 8 });
    for (let i = 0; i < 300; i++) {
      const resource = { ...WORKER, 'afd.rank': i % 8, 'afd.incarnation': `run ${i}` };
      const body = Buffer.from(JSON.stringify(request(resource, { 'afd.step': i })));
      const result = decoder.decode('traces', 'json', body);
      if (!result.ok) throw new Error(result.error.message);
      const [table] = result.value.events;
      expect(table!.workers[0]).toMatchObject({ rank: i % 8, incarnation: `run ${i}` });
      expect(table!.step[0]).toBe(i);
    }
  });

  it.each([
    ['', 'malformed JSON: the text ends where a value should be at byte 0'],
    ['[]', 'malformed JSON: the request is not an object at byte 0'],
    ['{"resourceSpans":5}', 'malformed JSON: the list of resources is not an array at byte 17'],
    ['{} x', 'malformed JSON: text behind the end of the request at byte 3'],
    [
      Uint8Array.of(0x0a, 0x05, 0x01),
      'malformed protobuf: a length runs past the end of its message at byte 1',
    ],
    [Uint8Array.of(0x13), 'malformed protobuf: wire type 3, which OTLP does not use at byte 1'],
    [new Uint8Array(12).fill(0xff), 'malformed protobuf: a varint longer than 10 bytes at byte 0'],
  ])('of a malformed body are refused with a message: %j', (body, message) => {
    const encoding = typeof body === 'string' ? 'json' : 'protobuf';
    expect(() => decode(body, 'traces', encoding)).toThrow(message);
  });

  it('may be none at all', () => {
    const empty = { received: 0, events: [], rejectedCount: 0, rejectedMessage: '' };
    expect(decode('{"key": "value", "resourceSpans": null}')).toMatchObject(empty);
    expect(decode(new Uint8Array(0), 'traces', 'protobuf')).toMatchObject(empty);
    expect(decode('{"resourceSpans":[{}, {"scopeSpans":[{"spans":[]}]}]}')).toMatchObject(empty);
  });
});

const fixtures = join(import.meta.dirname, '../../../../shared/fixtures/otlp');

describe.skipIf(!existsSync(fixtures))(
  'real exports (skipped where ../shared/fixtures is not there)',
  () => {
    const read = (name: string) => readFileSync(join(fixtures, name));

    it.each(['captured/js_traces', 'captured/js_512spans_traces'])(
      '%s: both encodings agree',
      (name) => {
        const json = read(`${name}.json`);
        const expected = json.toString().split('"spanId"').length - 1;
        for (const decoded of [decode(json), decode(read(`${name}.pb`), 'traces', 'protobuf')]) {
          expect(decoded.received).toBe(expected);
          expect(decoded.rejected).toEqual(new Map([['', { not_afd: expected }]]));
        }
      },
    );

    it('captured/js_metrics: both encodings agree', () => {
      const plain = ({ metrics }: Decoded) =>
        metrics.map(({ series, seriesIndex, value, count, buckets }) => ({
          series,
          seriesIndex,
          value,
          count,
          buckets,
        }));
      const json = decode(read('captured/js_metrics.json'), 'metrics');
      expect(json).toMatchObject({ received: 6, rejectedCount: 0 });
      expect(json.metrics[0]!.series.map(({ type }) => type)).toEqual([
        'histogram',
        'histogram',
        'histogram',
        'histogram',
        'gauge',
        'sum',
      ]);
      expect(plain(decode(read('captured/js_metrics.pb'), 'metrics', 'protobuf'))).toEqual(
        plain(json),
      );
    });

    it('the examples of opentelemetry-proto are taken', () => {
      expect(decode(read('examples/trace.json'))).toMatchObject({ received: 1, rejectedCount: 1 });
      expect(decode(read('examples/metrics.json'), 'metrics')).toMatchObject({
        received: 4,
        rejectedCount: 1,
      });
      expect(decode(read('examples/logs.json'), 'logs')).toMatchObject({
        received: 1,
        logRecords: 1,
      });
      expect(decode(read('examples/events.json'), 'logs')).toMatchObject({
        received: 1,
        logRecords: 1,
      });
    });
  },
);

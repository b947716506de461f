import { describe, expect, it } from 'vitest';
import type { Decoded } from '#lib/ingest/decoded.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { MetricsRequest } from '#test/support/otlp-schema.ts';

const TIME = '1767225600000000123';
const text = (key: string, value: string) => ({ key, value: { stringValue: value } });

function request(metrics: readonly object[], ...resource: object[]): object {
  return { resourceMetrics: [{ resource: { attributes: resource }, scopeMetrics: [{ metrics }] }] };
}

/** Decodes the request in both encodings, which must agree. */
function decode(body: object, maxSeries = 100): Decoded {
  const limits = { ...DEFAULT_DECODE_LIMITS, maxSeries };
  const json = new Decoder(limits).decode('metrics', 'json', Buffer.from(JSON.stringify(body)));
  const bytes = MetricsRequest.encode(MetricsRequest.fromObject(body)).finish();
  const protobuf = new Decoder(limits).decode('metrics', 'protobuf', bytes);
  if (!json.ok || !protobuf.ok) throw new Error('malformed');
  expect(protobuf.value).toEqual(json.value);
  return json.value;
}

const gauge = (name: string, ...dataPoints: object[]) => ({
  name,
  unit: '1',
  gauge: { dataPoints },
});

describe('metrics', () => {
  it('keep their worker, GPU and deployment', () => {
    const metric = gauge('DCGM_FI_PROF_SM_ACTIVE', { timeUnixNano: TIME, asDouble: 0.25 });
    const { metrics, rejectedCount } = decode(
      request(
        [metric],
        text('afd.role', 'ffn'),
        { key: 'afd.rank', value: { intValue: '2' } },
        text('afd.deployment', 'prod'),
        text('hw.id', 'GPU-1'),
        text('host.name', 'node-1'),
      ),
    );
    expect(rejectedCount).toBe(0);
    expect(metrics).toHaveLength(1);
    expect(metrics[0]!.baseUnixNs).toBe(BigInt(TIME));
    expect([...metrics[0]!.value]).toEqual([0.25]);
    expect(metrics[0]!.series).toEqual([
      {
        deployment: 'prod',
        workerId: 'ffn/2',
        host: 'node-1',
        hwId: 'GPU-1',
        name: 'DCGM_FI_PROF_SM_ACTIVE',
        unit: '1',
        type: 'gauge',
        cumulative: false,
        monotonic: false,
        attributes: '',
        bounds: [],
      },
    ]);
  });

  it.each(['hw.id', 'UUID', 'gpu_uuid'])('find the GPU in the point attribute %s', (key) => {
    const attributes = [
      text('zone', 'a'),
      text(key, 'GPU-7'),
      { key: 'b', value: { intValue: '3' } },
    ];
    const metric = gauge('hw.gpu.utilization', { timeUnixNano: TIME, asInt: '1', attributes });
    const { metrics } = decode(request([metric], text('service.namespace', 'ns')));
    expect(metrics[0]!.series[0]).toMatchObject({ deployment: 'ns', workerId: '', hwId: 'GPU-7' });
    expect(Object.keys(JSON.parse(metrics[0]!.series[0]!.attributes))).toEqual(
      ['b', key, 'zone'].sort(),
    );
  });

  it('share a series between points, whatever the order of their attributes', () => {
    const a = text('a', '1');
    const b = text('b', '2');
    const { metrics } = decode(
      request([
        gauge(
          'g',
          { timeUnixNano: `${BigInt(TIME) + 10n}`, asDouble: 2, attributes: [b, a] },
          { timeUnixNano: TIME, asDouble: 1, attributes: [a, b] },
        ),
      ]),
    );
    expect(metrics[0]!.series).toHaveLength(1);
    expect([...metrics[0]!.value]).toEqual([1, 2]);
    expect([...metrics[0]!.timeNs]).toEqual([0, 10]);
  });

  it('keep sums and histograms', () => {
    const sum = {
      name: 'tokens',
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [{ timeUnixNano: TIME, asInt: '-9' }],
      },
    };
    const histogram = {
      name: 'gen_ai.server.time_per_output_token',
      unit: 's',
      histogram: {
        aggregationTemporality: 1,
        dataPoints: [
          {
            timeUnixNano: TIME,
            count: '5',
            sum: 1.5,
            bucketCounts: ['2', '3'],
            explicitBounds: [0.1],
          },
          { timeUnixNano: TIME, count: '4' },
        ],
      },
    };
    const [table] = decode(request([sum, histogram])).metrics;
    expect(
      table!.series.map(({ type, cumulative, monotonic, bounds }) => ({
        type,
        cumulative,
        monotonic,
        bounds,
      })),
    ).toEqual([
      { type: 'sum', cumulative: true, monotonic: true, bounds: [] },
      { type: 'histogram', cumulative: false, monotonic: false, bounds: [0.1] },
      { type: 'histogram', cumulative: false, monotonic: false, bounds: [] },
    ]);
    expect([...table!.value]).toEqual([-9, 1.5, 0]);
    expect([...table!.count]).toEqual([1, 5, 4]);
    expect([...table!.buckets!.offsets]).toEqual([0, 0, 2, 2]);
    expect([...table!.buckets!.values]).toEqual([2, 3]);
  });

  it('count what is not stored', () => {
    const decoded = decode(
      request(
        [
          { name: 'e', exponentialHistogram: { dataPoints: [{ timeUnixNano: TIME }, {}] } },
          { name: 's', summary: { dataPoints: [{ timeUnixNano: TIME }] } },
          gauge('no time', { asDouble: 1 }),
          gauge('no value', { timeUnixNano: TIME }),
          gauge('flagged', { timeUnixNano: TIME, asDouble: 1, flags: 1 }),
          gauge('good', { timeUnixNano: TIME, asDouble: 1 }),
        ],
        text('afd.deployment', 'prod'),
      ),
    );
    expect(decoded).toMatchObject({ received: 7, rejectedCount: 6 });
    expect(decoded.rejected).toEqual(
      new Map([['prod', { unsupported_metric: 3, bad_time: 1, bad_attribute: 2 }]]),
    );
    expect(decoded.rejectedMessage).toContain('3 metric points are exponential histograms');
  });

  it('are bounded in their series, and our own are refused', () => {
    const many = Array.from({ length: 5 }, (_, i) =>
      gauge(`m${i}`, { timeUnixNano: TIME, asDouble: 1 }),
    );
    expect(decode(request(many), 3)).toMatchObject({
      received: 5,
      rejectedCount: 2,
      rejected: new Map([['', { cardinality: 2 }]]),
    });
    expect(decode(request(many, text('service.name', 'afdscope'))).rejected).toEqual(
      new Map([['', { own_telemetry: 5 }]]),
    );
  });
});

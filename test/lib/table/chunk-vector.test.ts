/**
 * Chunks that earlier versions wrote stay readable: the files in test/vectors are never made anew,
 * a new version adds its own. Each holds what `vectorTable` says.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { decodeEvents } from '#lib/table/chunk-codec.ts';
import { decodeMetrics, encodeMetrics } from '#lib/table/chunk-codec-metrics.ts';
import { Kind, Phase, STAGES, Stage } from '#lib/table/codes.ts';
import { encodeEvents } from '#lib/table/encode-events.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';

const BASE = 1_795_000_000_123_456_789n;

function vectorTable(): EventTable {
  const builder = new EventTableBuilder(
    unixNanos(BASE),
    [testWorker(0), testWorker(3, { role: 'ffn', host: 'nœud-1' })],
    [...STAGES, 'rotary'],
  );
  const a = { worker: 0, step: 41, layer: 7 };
  builder.add({
    ...a,
    startNs: 0,
    durationNs: 270_000,
    stage: Stage.attention,
    kind: Kind.compute,
    microbatch: 0,
    measures: { tokens: 128, contextTokens: 524_288 },
  });
  builder.add({
    ...a,
    startNs: 270_000,
    durationNs: 70_123,
    stage: Stage.a2f_send,
    kind: Kind.transfer,
    microbatch: 0,
    lists: { peers: [0, 3] },
  });
  builder.add({
    ...a,
    startNs: 270_000,
    durationNs: 268_001,
    stage: Stage.attention,
    kind: Kind.compute,
    microbatch: 1,
    measures: { tokens: 127, flops: 9_007_199_254_740_991 },
  });
  builder.add({
    worker: 1,
    domain: 2,
    step: 9_007_199_254_740_991,
    startNs: -250_000,
    durationNs: 0,
    stage: STAGES.length,
    kind: Kind.host,
    phase: Phase.mixed,
    peer: 5,
  });
  builder.add({
    worker: 1,
    step: 41,
    layer: 7,
    microbatch: 0,
    startNs: 341_000,
    durationNs: 250_000,
    stage: Stage.expert,
    kind: Kind.compute,
    measures: { expertsMeanTokens: 21.25 },
    lists: { expertTokens: [3, 0, 57] },
  });
  return builder.finish();
}

const vectorMetrics = () =>
  metricTable(BASE, [
    [gauge('DCGM_FI_PROF_DRAM_ACTIVE', { attributes: '{"gpu":0}' }), 0, 0.8125],
    [gauge('vllm:num_requests_running', { type: 'sum', monotonic: true }), 1_000_000_000, 17],
  ]);

const file = (name: string) => new URL(`../../vectors/${name}`, import.meta.url);

// A new layout adds a line here after it wrote its files once: AFDSCOPE_WRITE_VECTORS=2.
if (process.env.AFDSCOPE_WRITE_VECTORS !== undefined) {
  const version = process.env.AFDSCOPE_WRITE_VECTORS;
  writeFileSync(file(`chunk-v${version}.bin`), encodeEvents(vectorTable()), { flag: 'wx' });
  writeFileSync(file(`metric-chunk-v${version}.bin`), encodeMetrics(vectorMetrics()), {
    flag: 'wx',
  });
}

test.each([1])('event chunks of version %i', (version) => {
  const bytes = readFileSync(file(`chunk-v${version}.bin`));
  expect(eventRows([decodeEvents(bytes)])).toEqual(eventRows([vectorTable()]));
});

test.each([1])('metric chunks of version %i', (version) => {
  const bytes = readFileSync(file(`metric-chunk-v${version}.bin`));
  expect(metricRows([decodeMetrics(bytes)])).toEqual(metricRows([vectorMetrics()]));
});

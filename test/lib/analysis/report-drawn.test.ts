/** A drawn step whose every figure was computed by hand. One column is 10 ns. */
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { DRAWN_BASE_UNIX_NS, drawTable } from '#test/support/step-diagram.ts';

const PING_PONG = `
  attention/0 attention layer=0 tokens=7 |00001111··········|
  attention/0 a2f_send  layer=0          |····00··11········|
  ffn/0       a2f_recv  layer=0          |··0000············|
  ffn/0       a2f_recv  layer=0          |·········1········|
  ffn/0       expert    layer=0          |······000·111·····|
  ffn/0       f2a_send  layer=0          |·········0···1····|
  attention/0 f2a_recv  layer=0          |········00··11····|
  attention/0 attention layer=1 tokens=7 |··········00001111|
  attention/0 a2f_send  layer=1          |··············00··|
`;

describe('a drawn step', () => {
  const report = buildReport({ events: [drawTable(PING_PONG)], deployment: 'prod' });
  const worker = (id: string) => report.workers.find((one) => one.id === id)!;

  it('has the window of its events', () => {
    expect(report.window).toEqual({
      startUnixNs: String(DRAWN_BASE_UNIX_NS),
      endUnixNs: String(DRAWN_BASE_UNIX_NS + 180n),
      durationNs: 180,
    });
    expect(report.topology).toEqual({ attention: 1, ffn: 1, microbatches: 2, layers: 2 });
    expect(report.quality.events).toBe(15);
    expect(report.quality.unmatchedReceives).toBe(0);
  });

  it('splits the receives of the FFN at the send', () => {
    expect(worker('ffn/0')).toMatchObject({
      computeNs: 60,
      bubbleNs: 120,
      transferNs: 40,
      waitNs: 20,
      overlapNs: 0,
      observedNs: 180,
      activeNs: 180,
      activeBubbleNs: 120,
      htaCommNs: 60,
      htaOverlapNs: 0,
      busyRatio: 1 / 3,
      bubble: {
        exposedTransferNs: 40,
        waitPeerNs: 20,
        copyNs: 0,
        hostNs: 0,
        unattributedNs: 60,
      },
      causes: { a2fNetworkNs: 30, fillDrainNs: 20, unknownNs: 0 },
    });
  });

  it('tells both overlaps of the attention worker', () => {
    expect(worker('attention/0')).toMatchObject({
      computeNs: 160,
      bubbleNs: 20,
      transferNs: 70,
      overlapNs: 50,
      overlapRatio: 50 / 70,
      htaCommNs: 80,
      htaOverlapNs: 60,
      htaOverlapRatio: 0.75,
      bubble: { exposedTransferNs: 20, waitPeerNs: 0, unattributedNs: 0 },
    });
  });

  it('counts tokens once a micro-batch', () => {
    expect(report.steps).toMatchObject({ count: 1, tokens: 14, cadenceNs: null });
    expect(report.steps.latencyNs?.p50).toBe(180);
    expect(report.steps.tokensPerSecond).toBeCloseTo(14 / 180e-9, 3);
  });

  it('finds the period, what bounds it, and the smallest number of micro-batches', () => {
    expect(report.balance).toEqual({
      taNs: 40,
      tfNs: 30,
      taEffectiveNs: 40,
      tfEffectiveNs: 30,
      ta2fNs: 20,
      tf2aNs: 10,
      idealPeriodNs: 100,
      measuredPeriodNs: 100,
      bound: 'latency-bound',
      attentionBubble: 1 - 80 / 100,
      ffnBubble: 1 - 60 / 100,
      minMicrobatches: 3,
      imbalanceCostNs: 0,
      termsNs: { attention: 80, ffn: 60, a2fLink: 40, f2aLink: 20, latency: 100 },
      attentionSteadyBubble: { imbalance: 0, network: 0, latency: 1 - 80 / 100 },
      ffnSteadyBubble: { imbalance: 0.2, network: 0, latency: 1 - 60 / 100 - 0.2 },
      advice: [],
      ratioMargin: { gain: 0, low: 0, high: 0 },
    });
    expect(report.layers.map((layer) => [layer.layer, layer.idealPeriodNs, layer.bound])).toEqual([
      [0, 100, 'latency-bound'],
      [1, null, null],
    ]);
  });

  it('has the form of the contract', () => {
    expect(reportSchema.parse(report)).toEqual(report);
  });
});

describe('steps that were not reported', () => {
  it('leaves them out of the tokens per second', () => {
    // Steps 0 and 5 of 40 ns each; what lies between was not observed.
    const table = drawTable(`
      attention/0 attention step=0 layer=0 tokens=4 |0000················|
      attention/0 attention step=5 layer=0 tokens=4 |················0000|
    `);
    const { steps } = buildReport({ events: [table], deployment: 'prod' });
    expect(steps).toMatchObject({ count: 2, tokens: 8 });
    expect(steps.tokensPerSecond).toBeCloseTo(8 / 80e-9, 3);
  });
});

describe('logical receives', () => {
  const bubbleOf = (drawing: string, id: string, fields = {}) => {
    const table = drawTable(drawing, 10, fields);
    const report = buildReport({ events: [table], deployment: 'prod' });
    const { transferNs, waitNs } = report.workers.find((one) => one.id === id)!;
    return { transferNs, waitNs, unmatched: report.quality.unmatchedReceives };
  };

  it('wait for the last of several senders', () => {
    const drawing = `
      attention/0 a2f_send layer=0 |··000·······|
      attention/1 a2f_send layer=0 |······000···|
      ffn/0       a2f_recv layer=0 |·00000000···|
    `;
    expect(bubbleOf(drawing, 'ffn/0')).toEqual({ transferNs: 30, waitNs: 50, unmatched: 0 });
  });

  it('ignore sends to other ranks, and senders that they do not name', () => {
    const drawing = `
      attention/0 a2f_send layer=0 peer=0  |··000·······|
      attention/1 a2f_send layer=0 peer=1  |······000···|
      attention/2 a2f_send layer=0 peers=0+1 |·······00···|
      ffn/0       a2f_recv layer=0 peers=0+1 |·00000000···|
      ffn/1       a2f_recv layer=0           |·00000000···|
    `;
    expect(bubbleOf(drawing, 'ffn/0')).toEqual({ transferNs: 70, waitNs: 10, unmatched: 0 });
    expect(bubbleOf(drawing, 'ffn/1')).toEqual({ transferNs: 20, waitNs: 60, unmatched: 0 });
  });

  it('join their parts from the first start to the last end', () => {
    const drawing = `
      attention/0 a2f_send layer=0 peer=0 |····000·····|
      ffn/0       a2f_recv layer=0 peer=0 |·00··000····|
    `;
    expect(bubbleOf(drawing, 'ffn/0')).toEqual({ transferNs: 40, waitNs: 30, unmatched: 0 });
  });

  it('take the smallest transfer of the link where their send is lost', () => {
    const drawing = `
      attention/0 a2f_send layer=0 |··00··1·············|
      ffn/0       a2f_recv layer=0 |·000·11·············|
      ffn/0       a2f_recv layer=1 |··········00000·····|
      ffn/1       a2f_recv layer=1 |··········00000·····|
    `;
    expect(bubbleOf(drawing, 'ffn/0')).toEqual({ transferNs: 40, waitNs: 60, unmatched: 2 });
    expect(bubbleOf(drawing, 'ffn/1')).toEqual({ transferNs: 0, waitNs: 50, unmatched: 2 });
  });

  it('that name several peers are on one link, in one event or in several', () => {
    const drawing = `
      attention/0 a2f_send layer=0           |··000·········|
      ffn/0       a2f_recv layer=0 peers=0+1 |·0000·········|
      ffn/0       a2f_recv layer=1 peer=0    |·······0000···|
      ffn/0       a2f_recv layer=1 peer=1    |········000···|
    `;
    expect(bubbleOf(drawing, 'ffn/0')).toEqual({ transferNs: 60, waitNs: 20, unmatched: 1 });
  });

  it('make a rendezvous send wait until they are there', () => {
    const drawing = `
      attention/0 a2f_send layer=0 |·000000·····|
      ffn/0       a2f_recv layer=0 |····000·····|
    `;
    expect(bubbleOf(drawing, 'attention/0')).toMatchObject({ transferNs: 60, waitNs: 0 });
    expect(bubbleOf(drawing, 'attention/0', { sendMode: 'rendezvous' })).toMatchObject({
      transferNs: 30,
      waitNs: 30,
    });
  });
});

describe('a link that is the bound', () => {
  it('is occupied for the sum of sends that follow each other', () => {
    const table = drawTable(`
      attention/0 attention layer=0        |00··················|
      attention/0 a2f_send  layer=0 peer=0 |··00000·············|
      attention/0 a2f_send  layer=0 peer=1 |·······00000········|
      ffn/0       expert    layer=0        |············00······|
    `);
    const { balance } = buildReport({ events: [table], deployment: 'prod' });
    // m·Oa2f = 100, Sa + Sf + Ta2f = 20 + 20 + 50
    expect(balance).toMatchObject({ bound: 'network-bound', idealPeriodNs: 100, ta2fNs: 50 });
  });

  it('carries every micro-batch of a layer', () => {
    const table = drawTable(`
      attention/0 attention layer=0 |01··················|
      attention/0 a2f_send  layer=0 |··00000011111·······|
      ffn/0       expert    layer=0 |·············01·····|
    `);
    const { balance } = buildReport({ events: [table], deployment: 'prod' });
    // m·Oa2f = 2 · median(60, 50), Sa + Sf + Ta2f = 10 + 10 + 55
    expect(balance).toMatchObject({ bound: 'network-bound', idealPeriodNs: 110 });
  });
});

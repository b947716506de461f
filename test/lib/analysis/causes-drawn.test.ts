/** Drawn steps whose causes were found by hand. One column is 10 ns. */
import { describe, expect, it } from 'vitest';
import { causeSegments } from '#lib/analysis/cause-segments.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import { assemble } from '#lib/model/assemble.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { drawTable } from '#test/support/step-diagram.ts';

/** "from-to cause culprit" of the worker's segments, in columns; neighbours of one kind are joined. */
function segmentsOf(id: string, drawing: string): string[] {
  const assembled = assemble([drawTable(drawing)], 'prod');
  const { workers, baseUnixNs } = assembled.events;
  expect(baseUnixNs).toBe(drawTable(drawing).baseUnixNs);
  const window = { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  const w = workers.findIndex((worker) => workerId(worker) === id);
  const { startNs, endNs, cause, culprit } = causeSegments(assembled, window, [w])[0]!;
  const joined: { from: number; to: number; what: string }[] = [];
  startNs.forEach((start, i) => {
    const blamed = culprit[i]! < 0 ? 'nobody' : workerId(workers[culprit[i]!]!);
    const what = `${CAUSES[cause[i]!]!.replace('Ns', '')} ${blamed}`;
    const last = joined.at(-1);
    if (last?.what === what && last.to === start) last.to = endNs[i]!;
    else joined.push({ from: start, to: endNs[i]!, what });
  });
  return joined.map(({ from, to, what }) => `${from / 10}-${to / 10} ${what}`);
}

// Layer 1 follows, so that layer 0 is no drain; its events are the same for everybody.
const NEXT = `
  attention/0 attention layer=1          |··························0······|
  attention/0 a2f_send  layer=1          |···························0·····|
  ffn/0       a2f_recv  layer=1          |···························0·····|
  ffn/0       expert    layer=1          |····························0····|
  ffn/0       f2a_send  layer=1          |·····························0···|
  attention/0 f2a_recv  layer=1          |····························00····|
`;

describe('a worker without other micro-batches', () => {
  // Way: a2f 4-6, other key 6-9, idle 9-10, expert 10-14, other send 14-16, idle 16-17, f2a 17-20.
  const drawing = `
    attention/0 attention layer=0          |0000······························|
    attention/0 a2f_send  layer=0          |····00····························|
    ffn/0       a2f_recv  layer=0          |····00····························|
    ffn/0       expert    layer=0          |······333·0000····················|
    ffn/0       f2a_send  layer=0          |··············33·000··············|
    attention/0 f2a_recv  layer=0          |······00000000000000··············|
    ${NEXT}
  `;

  it('is charged host, queue, network, compute, from the end back', () => {
    expect(segmentsOf('attention/0', drawing)).toEqual([
      // 14 of the 16 columns of the way are waited for: compute, which comes last, is short of two.
      '6-8 peerCompute ffn/0',
      '8-10 a2fNetwork ffn/0',
      '10-15 f2aNetwork ffn/0',
      '15-18 peerQueue ffn/0',
      '18-20 peerHost ffn/0',
      // Two of the three columns of the next layer's way are waited for: both networks.
      '28-29 a2fNetwork ffn/0',
      '29-30 f2aNetwork ffn/0',
    ]);
  });

  it('is not charged what it hides', () => {
    const busy = `${drawing}
    attention/0 attention layer=0          |·······11111111···················|`;
    expect(segmentsOf('attention/0', busy).slice(0, 3)).toEqual([
      '6-7 peerCompute ffn/0',
      '15-18 peerQueue ffn/0',
      '18-20 peerHost ffn/0',
    ]);
  });
});

describe('fan-in', () => {
  // attention/1 is 3 columns later: its attention takes 6 instead of 4, and starts 1 later.
  const drawing = `
    attention/0 attention layer=0          |0000······························|
    attention/1 attention layer=0          |·000000···························|
    attention/2 attention layer=0          |0000······························|
    attention/0 a2f_send  layer=0          |····00····························|
    attention/1 a2f_send  layer=0          |·······00·························|
    attention/2 a2f_send  layer=0          |····00····························|
    ffn/0       a2f_recv  layer=0          |····00000·························|
    ffn/0       expert    layer=0          |·········0000·····················|
    ffn/0       f2a_send  layer=0          |·············000··················|
    attention/0 f2a_recv  layer=0          |······0000000000··················|
    attention/1 f2a_recv  layer=0          |·········0000000··················|
    attention/2 f2a_recv  layer=0          |······0000000000··················|
    ${NEXT}
  `;

  it('is the excess of the last sender, as far as it is that, and the rest fan-in', () => {
    expect(segmentsOf('attention/0', drawing).slice(0, 6)).toEqual([
      '6-8 peerCompute ffn/0',
      '8-10 a2fNetwork attention/1',
      '10-13 f2aNetwork ffn/0',
      '13-14 fanIn attention/1',
      '14-16 deviceExcess attention/1',
      '28-29 a2fNetwork ffn/0',
    ]);
  });

  it('is nobody else’s for the last sender itself', () => {
    expect(segmentsOf('attention/1', drawing)).toEqual([
      '9-11 peerCompute ffn/0',
      '11-13 a2fNetwork ffn/0',
      '13-16 f2aNetwork ffn/0',
    ]);
  });

  it('fills the pipeline of the FFN, but for the excess of who came last', () => {
    expect(segmentsOf('ffn/0', drawing).slice(0, 3)).toEqual([
      '4-5 fillDrain nobody',
      '5-7 a2fNetwork attention/1',
      '7-9 deviceExcess attention/1',
    ]);
  });
});

describe('the start of a step', () => {
  const drawing = `
    attention/0 host                       |xxxxx·····························|
    attention/0 dense     layer=0          |·····00···························|
    attention/0 attention layer=1          |·······000························|
    attention/0 a2f_send  layer=1          |··········00······················|
    ffn/0       a2f_recv  layer=1          |000000000000······················|
  `;

  it('is the host’s, where it says so, and else fills the pipeline', () => {
    expect(segmentsOf('ffn/0', drawing)).toEqual([
      '0-5 fillDrain nobody',
      '5-7 a2fNetwork attention/0',
      '7-12 peerHost attention/0',
    ]);
  });
});

describe('a receive that was posted early', () => {
  const drawing = `
    attention/0 attention layer=0          |··00······························|
    attention/0 a2f_send  layer=0          |·······00·························|
    attention/0 a2f_send  layer=9          |·····0····························|
    attention/0 collective layer=9         |······0···························|
    ffn/0       a2f_recv  layer=0          |·······00·························|
    ffn/0       expert    layer=0          |·········00·······················|
    ffn/0       f2a_send  layer=0          |···········00·····················|
    attention/0 f2a_recv  layer=0          |00·00000000000····················|
    ffn/0       a2f_recv  layer=1          |··················00··············|
  `;

  it('is told by what its worker does until it sends', () => {
    expect(segmentsOf('attention/0', drawing)).toEqual([
      '0-2 fillDrain nobody',
      '4-5 fillDrain nobody',
      '5-6 a2fNetwork attention/0',
      '6-7 fanIn nobody',
      '7-9 peerCompute ffn/0',
      '9-11 a2fNetwork ffn/0',
      '11-14 f2aNetwork ffn/0',
    ]);
  });
});

describe('what is missing', () => {
  it('is unknown: the send, the peer’s compute, the send to the peer', () => {
    const lines = [
      'attention/0 attention layer=0          |0000··············|',
      'attention/0 a2f_send  layer=0          |····00············|',
      'ffn/0       a2f_recv  layer=0          |····00············|',
      'ffn/0       expert    layer=0          |······0000········|',
      'ffn/0       f2a_send  layer=0          |··········00······|',
      'attention/0 f2a_recv  layer=0          |······000000······|',
      'ffn/0       a2f_recv  layer=1          |················00|',
    ];
    const without = (line: number): string[] =>
      segmentsOf('attention/0', lines.filter((_, i) => i !== line).join('\n'));
    expect(without(-1)).toEqual([
      '6-8 peerCompute ffn/0',
      '8-10 a2fNetwork ffn/0',
      '10-12 f2aNetwork ffn/0',
    ]);
    expect(without(4)).toEqual(['6-12 unknown nobody']);
    expect(without(3)).toEqual([
      '6-8 unknown nobody',
      '8-10 a2fNetwork ffn/0',
      '10-12 f2aNetwork ffn/0',
    ]);
    // Without the peer's receive, nothing is known of the time before its compute.
    expect(without(2)).toEqual(['6-10 peerCompute ffn/0', '10-12 f2aNetwork ffn/0']);
  });
});

import { describe, expect, it } from 'vitest';
import { keyFacts } from '#lib/analysis/key-facts.ts';
import { keyTimes } from '#lib/analysis/key-times.ts';
import { transferTimes } from '#lib/analysis/transfer-times.ts';
import { assemble } from '#lib/model/assemble.ts';
import { drawTable } from '#test/support/step-diagram.ts';

/** Occupancy of the A2F link by micro-batch, and the samples of its transfer time. */
function a2f(drawing: string, fields = {}) {
  const assembled = assemble([drawTable(drawing, 10, fields)], 'prod');
  const transfers = transferTimes(assembled, keyFacts(assembled, keyTimes(assembled)));
  const keys = Array.from({ length: assembled.keys.length }, (_, key) => key);
  keys.sort((a, b) => assembled.keys.microbatch[a]! - assembled.keys.microbatch[b]!);
  return {
    occupancyNs: keys.map((key) => transfers.occupancyNs[key * 2]),
    transferNs: [...transfers.transferNs].filter((_, i) => transfers.direction[i] === 0).sort(),
  };
}

const WORK = `
  attention/0 attention layer=0 |01··················|
  ffn/0       expert    layer=0 |··············01····|
`;

describe('link occupancy', () => {
  it('is the duration of sends that do not overlap', () => {
    const drawing = `${WORK}
      attention/0 a2f_send layer=0 bytes=1 |··00000·············|
      attention/0 a2f_send layer=0 bytes=9 |·······111··········|`;
    expect(a2f(drawing)).toEqual({ occupancyNs: [50, 30], transferNs: [30, 50] });
  });

  it('follows the bytes of sends that overlap: 80 ns in flight, a quarter for the second', () => {
    const drawing = `${WORK}
      attention/0 a2f_send layer=0 bytes=300 |··000000············|
      attention/0 a2f_send layer=0 bytes=100 |····111111··········|`;
    expect(a2f(drawing).occupancyNs).toEqual([60, 20]);
  });

  it('follows the durations of sends that overlap without bytes', () => {
    const drawing = `${WORK}
      attention/0 a2f_send layer=0 |··000000············|
      attention/0 a2f_send layer=0 |······11············|`;
    expect(a2f(drawing).occupancyNs).toEqual([45, 15]);
  });

  it('is that of the busiest worker', () => {
    const drawing = `${WORK}
      attention/1 attention layer=0 |01··················|
      attention/0 a2f_send  layer=0 |··000···············|
      attention/1 a2f_send  layer=0 |··00000·············|`;
    expect(a2f(drawing).occupancyNs).toEqual([50, Number.NaN]);
  });
});

describe('transfer time', () => {
  const drawing = `${WORK}
    attention/0 a2f_send layer=0 |··00················|
    attention/0 a2f_send layer=0 |····11··············|
    ffn/0       a2f_recv layer=0 |·00000··············|
    ffn/0       a2f_recv layer=0 |·······11···········|`;

  it('is the send itself where its end is the arrival', () => {
    expect(a2f(drawing, { sendEnd: 'arrival' }).transferNs).toEqual([20, 20]);
  });

  it('is receive end minus send start, of receives that waited, where it is not', () => {
    expect(a2f(drawing, { sendEnd: 'posted' }).transferNs).toEqual([40]);
  });
});

import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { wholeSteps } from '#lib/live/step-window.ts';
import { Watermark } from '#lib/live/watermark.ts';
import { assemble } from '#lib/model/assemble.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';

const BASE = 1_795_442_400_000_000_000n;
const at = (seconds: number) => unixNanos(BASE + BigInt(Math.round(seconds * 1e9)));

describe('Watermark', () => {
  test('reaches as far as the slowest reporter', () => {
    const watermark = new Watermark(10e9);
    expect(watermark.reported(at(0))).toBeNull();
    watermark.see('attention/0', at(7), at(8));
    watermark.see('ffn/0', at(4), at(8));
    watermark.see('ffn/0', at(3), at(8));
    expect(watermark.reported(at(8))).toBe(at(4));
    expect(watermark.newest(at(8))).toBe(at(7));
  });

  test('does not wait for a worker that is silent', () => {
    const watermark = new Watermark(10e9);
    watermark.see('attention/0', at(20), at(21));
    watermark.see('attention/1', at(18), at(21));
    watermark.see('ffn/0', at(9.9), at(21));
    expect(watermark.reported(at(21))).toBe(at(18));
    watermark.see('ffn/0', at(12), at(21));
    expect(watermark.reported(at(21))).toBe(at(12));
  });

  test('a clock that is far ahead does not make everybody else silent', () => {
    const watermark = new Watermark(10e9);
    watermark.see('attention/0', at(3600), at(10));
    watermark.see('ffn/0', at(8), at(10));
    expect(watermark.newest(at(10))).toBe(at(8));
    expect(watermark.reported(at(10))).toBe(at(8));
  });

  test('a clock that was far ahead counts again once it is right', () => {
    const watermark = new Watermark(10e9);
    watermark.see('attention/0', at(7), at(8));
    watermark.see('attention/0', at(1e9), at(8));
    expect(watermark.newest(at(8))).toBe(at(7));
    // The first that is heard of a worker may be wrong, too.
    watermark.see('ffn/0', at(1e9), at(8));
    expect(watermark.reported(at(8))).toBe(at(7));
    watermark.see('attention/0', at(9), at(10));
    watermark.see('ffn/0', at(8.5), at(10));
    expect(watermark.newest(at(10))).toBe(at(9));
    expect(watermark.reported(at(10))).toBe(at(8.5));
  });

  test('forgets workers', () => {
    const watermark = new Watermark(10e9);
    watermark.see('attention/0', at(1), at(10));
    watermark.see('ffn/0', at(8), at(10));
    watermark.forgetBefore(at(5));
    expect(watermark.reported(at(10))).toBe(at(8));
  });
});

describe('wholeSteps', () => {
  /** Steps `[start, end)` in seconds, numbered from 0; the second worker of each has its middle. */
  function assembled(steps: readonly (readonly [number, number])[], domain = 0) {
    const builder = new EventTableBuilder(unixNanos(BASE), [testWorker(0), testWorker(1)]);
    for (const [step, [start, end]] of steps.entries()) {
      for (const worker of [0, 1]) {
        const inset = worker * 0.1;
        builder.add({
          startNs: (start + inset) * 1e9,
          durationNs: Math.round((end - start - 2 * inset) * 1e9),
          worker,
          domain,
          stage: Stage.attention,
          kind: Kind.compute,
          step,
          layer: 0,
        });
      }
    }
    return assemble([builder.finish()], 'prod');
  }

  const seconds = (window: { fromNs: number; toNs: number } | null, base: bigint) =>
    window === null
      ? null
      : [window.fromNs, window.toNs].map((ns) => (Number(base - BASE) + ns) / 1e9);

  test('the window runs from the first start to the last end of whole steps', () => {
    const all = assembled([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    const base = all.events.baseUnixNs;
    const offset = (s: number) => Number(BASE - base) + s * 1e9;
    expect(seconds(wholeSteps(all, offset(0.5), offset(4), true), base)).toEqual([1, 3]);
    expect(seconds(wholeSteps(all, offset(0.5), offset(4), false), base)).toEqual([1, 4]);
    expect(seconds(wholeSteps(all, offset(0), offset(2.5), true), base)).toEqual([0, 2]);
    expect(wholeSteps(all, offset(2.5), offset(3.5), true)).toBeNull();
  });

  test('nothing assembled, no window', () => {
    expect(wholeSteps(assemble([], 'prod'), 0, 1e9, true)).toBeNull();
  });
});

/** Why workers waited, in a part of an export: segments by worker, and the main cause of each receive. */
import { sweepCauses } from '#lib/analysis/cause-sweep.ts';
import { CAUSES, type CauseSink } from '#lib/analysis/causes.ts';
import { keyTimes } from '#lib/analysis/key-times.ts';
import { fitLoadModel } from '#lib/analysis/load-model.ts';
import { wholeSlice } from '#lib/analysis/slice.ts';
import { nanosBetween } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { workerId } from '#lib/table/worker-info.ts';
import type { ExportPart } from './export-part.ts';

/** By index into `CAUSES`. */
export const CAUSE_NAMES: readonly string[] = CAUSES.map((name) =>
  name
    .replace(/Ns$/, '')
    .replace('fillDrain', 'fill or drain')
    .replace('fanIn', 'fan-in')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/^(a2f|f2a)/, (way) => way.toUpperCase()),
);

export interface BubbleSegment {
  readonly cause: number;
  /** Worker id; null: nobody. */
  readonly culprit: string | null;
  /** After the assembled base. */
  readonly fromNs: number;
  readonly toNs: number;
}

export interface BubbleCauses {
  /** By worker of the assembled events, in the order of time; of the part's own time only. */
  readonly segments: readonly (readonly BubbleSegment[])[];
  /** Receive -> its longest cause; what is not there did not wait. */
  readonly mainCause: ReadonlyMap<number, number>;
}

export function bubbleCauses(assembled: Assembled, part: ExportPart): BubbleCauses {
  const { events, firstStartNs, lastEndNs } = assembled;
  const after = (instant: bigint | undefined, open: number): number =>
    instant === undefined
      ? open
      : nanosBetween(events.baseUnixNs, instant as typeof events.baseUnixNs);
  const { window } = part;
  const fromNs = Math.max(
    after(part.ownFromUnixNs, firstStartNs),
    after(window?.fromUnixNs, firstStartNs),
  );
  const toNs = Math.min(after(part.ownToUnixNs, lastEndNs), after(window?.toUnixNs, lastEndNs));
  const segments: BubbleSegment[][] = events.workers.map(() => []);
  const sums = new Map<number, Map<number, number>>();
  const sink: CauseSink = {
    add(worker, _bucket, receive, cause, culprit, from, to) {
      const id = culprit < 0 ? null : workerId(events.workers[culprit]!);
      const own = segments[worker]!;
      const last = own.at(-1);
      if (last?.toNs === from && last.cause === cause && last.culprit === id) {
        own[own.length - 1] = { ...last, toNs: to };
      } else {
        own.push({ cause, culprit: id, fromNs: from, toNs: to });
      }
      const byCause = sums.get(receive) ?? new Map<number, number>();
      sums.set(receive, byCause.set(cause, (byCause.get(cause) ?? 0) + to - from));
    },
  };
  if (fromNs < toNs) {
    const times = keyTimes(assembled);
    const model = fitLoadModel(assembled, times, wholeSlice({ fromNs, toNs }));
    sweepCauses(assembled, times, [model], [fromNs, toNs], sink);
  }
  const mainCause = new Map<number, number>();
  for (const [receive, byCause] of sums) {
    const [longest] = [...byCause].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    if (longest !== undefined) mainCause.set(receive, longest[0]);
  }
  for (const own of segments) own.sort((a, b) => a.fromNs - b.fromNs);
  return { segments, mainCause };
}

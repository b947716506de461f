/** From a box of the ping-pong strip to the same event on the timeline. */
import type { StripModel } from './strip-model.ts';
import type { TimelinePlace } from './timeline-link.ts';
import type { TimelineExtent } from './timeline-viewport.ts';

/** Room beside the box, so that its neighbours are seen. */
const BOXES_BESIDE = 6;

export function boxWindow({ strip }: StripModel, box: number): TimelineExtent {
  const start = BigInt(strip.startUnixNs) + BigInt(Math.round(strip.startNs[box]!));
  const length = BigInt(Math.max(1, Math.round(strip.boxDurationNs[box]!)));
  const beside = length * BigInt(BOXES_BESIDE);
  return { fromUnixNs: start - beside, toUnixNs: start + length + beside };
}

/** The box is chosen there: what the strip does not know of it, the timeline's panel asks. */
export function boxPlace(model: StripModel, box: number): TimelinePlace {
  const { strip } = model;
  const kind = model.kindOf(box);
  const stream =
    kind === 'compute' || kind === 'transfer' || kind === 'wait' ? kind : ('other' as const);
  return {
    selection: {
      kind: 'event',
      event: {
        workerId: strip.rows[strip.row[box]!]!.workerId,
        stage: model.stageOf(box),
        kind,
        stream,
        startUnixNs: BigInt(strip.startUnixNs) + BigInt(Math.round(strip.startNs[box]!)),
        durationNs: strip.boxDurationNs[box]!,
        layer: strip.layer[box]!,
        microbatch: strip.microbatch[box]!,
        step: strip.step,
        domain: strip.domain,
        peer: -1,
        tokens: -1,
        bytes: -1,
      },
    },
  };
}

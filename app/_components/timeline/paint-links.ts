/** What connects rows: the flow of a micro-batch, the critical path of a step; and search hits. */
import { SURFACES } from '#lib/view/palette.ts';
import { timeToX } from '#lib/view/timeline-viewport.ts';
import type { OverlayScene } from './paint-overlay.ts';

const FLOW_LOOK = { local: '#9fb6d9', a2f: '#2bb3a3', f2a: '#c77dd8' } as const;
const HEAD_PX = 5;

export function paintFlow(scene: OverlayScene): void {
  const { context, state, view, widthPx, layout, scrollPx } = scene;
  const { flow } = state.layers;
  if (flow === null) return;
  const places = flow.events.map(({ workerId, kind, startUnixNs, durationNs }) => {
    const row = layout.byWorker.get(workerId);
    if (row === undefined) return null;
    const stream = kind === 'compute' ? 0 : kind === 'transfer' ? 1 : kind === 'wait' ? 2 : 3;
    const lane = row.lanes[stream]!;
    const fromPx = timeToX(view, BigInt(startUnixNs), widthPx);
    const toPx = fromPx + (durationNs / view.spanNs) * widthPx;
    return { fromPx, toPx, topPx: lane.topPx - scrollPx, heightPx: lane.heightPx };
  });
  context.strokeStyle = SURFACES[scene.theme].text;
  context.lineWidth = 1;
  for (const place of places) {
    if (place === null || place.toPx < 0 || place.fromPx > widthPx) continue;
    const leftPx = Math.max(-2, place.fromPx);
    const rightPx = Math.min(widthPx + 2, Math.max(place.fromPx + 2, place.toPx));
    context.strokeRect(leftPx, place.topPx, rightPx - leftPx, place.heightPx);
  }
  context.lineWidth = 1.5;
  for (const { from, to, kind } of flow.arrows) {
    const [a, b] = [places[from], places[to]];
    if (a === null || b === null || a === undefined || b === undefined) continue;
    const isNetwork = kind !== 'local';
    const startPx = a.toPx;
    // A transfer leads to the end of its receive, other work to the start of the next.
    const endPx = isNetwork ? b.toPx : b.fromPx;
    const startY = a.topPx + a.heightPx / 2;
    const endY = b.topPx + b.heightPx / 2;
    if (Math.max(startPx, endPx) < 0 || Math.min(startPx, endPx) > widthPx) continue;
    context.strokeStyle = FLOW_LOOK[kind];
    context.fillStyle = FLOW_LOOK[kind];
    context.beginPath();
    context.moveTo(startPx, startY);
    const bendPx = Math.min(40, Math.max(8, Math.abs(endPx - startPx) / 2));
    context.bezierCurveTo(startPx + bendPx, startY, endPx - bendPx, endY, endPx, endY);
    context.stroke();
    context.beginPath();
    context.moveTo(endPx, endY);
    context.lineTo(endPx - HEAD_PX, endY - HEAD_PX * 0.6);
    context.lineTo(endPx - HEAD_PX, endY + HEAD_PX * 0.6);
    context.fill();
  }
}

/** The path as one line that changes rows where the step's next event ran elsewhere. */
export function paintPath(scene: OverlayScene): void {
  const { context, state, view, widthPx, layout, scrollPx } = scene;
  const step = state.layers.path;
  if (step === null) return;
  const startUnixNs = BigInt(step.startUnixNs);
  const originPx = timeToX(view, startUnixNs, widthPx);
  const pxPerNs = widthPx / view.spanNs;
  const { worker, startNs, durationNs, kind } = step.path;
  const surface = SURFACES[scene.theme];
  for (const pass of ['casing', 'line'] as const) {
    context.strokeStyle = pass === 'casing' ? surface.background : surface.critical;
    context.lineWidth = pass === 'casing' ? 5 : 2.5;
    context.beginPath();
    let isOpen = false;
    for (let at = 0; at < worker.length; at++) {
      const fromPx = originPx + startNs[at]! * pxPerNs;
      const toPx = fromPx + durationNs[at]! * pxPerNs;
      const row = layout.byWorker.get(step.workers[worker[at]!]?.workerId ?? '');
      if (toPx < -50 || fromPx > widthPx + 50 || row === undefined) {
        isOpen = false;
        continue;
      }
      const kindName = step.kinds[kind[at]!];
      const isWork = kindName === 'compute' || kindName === 'gap';
      const lane = row.lanes[isWork ? 0 : 1]!;
      const yPx = Math.round(lane.topPx - scrollPx + lane.heightPx - 2);
      if (isOpen) context.lineTo(fromPx, yPx);
      else context.moveTo(fromPx, yPx);
      context.lineTo(toPx, yPx);
      isOpen = true;
    }
    context.stroke();
  }
}

export function paintHits(scene: OverlayScene): void {
  const { context, state, view, widthPx, heightPx, layout, scrollPx } = scene;
  context.strokeStyle = SURFACES[scene.theme].warning;
  context.lineWidth = 1.5;
  for (const { workerId, startUnixNs, durationNs } of state.layers.hits) {
    const fromPx = timeToX(view, startUnixNs, widthPx);
    const toPx = Math.max(fromPx + 3, fromPx + (durationNs / view.spanNs) * widthPx);
    if (toPx < 0 || fromPx > widthPx) continue;
    const row = workerId === null ? undefined : layout.byWorker.get(workerId);
    if (workerId !== null && row === undefined) continue;
    const topPx = row === undefined ? 0 : row.topPx - scrollPx;
    context.strokeRect(fromPx, topPx + 0.5, toPx - fromPx, (row?.heightPx ?? heightPx) - 2);
  }
}

import type { Assembled } from '#lib/model/assembled.ts';
import { coversAll, overlapsWindow, type WindowNs } from '#lib/model/select-window.ts';

/** How many micro-batches and layers the window's events name: one more than the largest index. */
export function indexExtent(
  assembled: Assembled,
  window: WindowNs,
): { microbatches: number; layers: number } {
  if (coversAll(assembled, window)) return assembled;
  const { events, endNs } = assembled;
  let microbatches = 0;
  let layers = 0;
  for (let row = 0; row < events.length; row++) {
    const microbatch = events.microbatch[row]!;
    const layer = events.layer[row]!;
    if (microbatch < microbatches && layer < layers) continue;
    if (!overlapsWindow(events.startNs[row]!, endNs[row]!, window)) continue;
    if (microbatch >= microbatches) microbatches = microbatch + 1;
    if (layer >= layers) layers = layer + 1;
  }
  return { microbatches, layers };
}

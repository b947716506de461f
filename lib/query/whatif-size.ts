/**
 * How much of the record a what-if replays, so that an answer takes seconds whatever is asked:
 *
 *     as recorded      32 steps × 12 workers × 183 keys      MAX_CELLS
 *     four times it     8 steps × 48 workers × 183 keys      as many cells, fewer steps
 *     far larger        not two steps fit                    refused, saying how large may be
 */
import type { WhatifChanges } from '#lib/analysis/whatif-changes.ts';
import type { Recording } from '#lib/analysis/whatif-recording.ts';

/** Cells (worker, step, layer, micro-batch): 32 steps of 61 layers, 3 micro-batches, 12 workers. */
export const MAX_CELLS = 32 * 2_196;

/** Fewer do not tell how much steps differ. */
const LEAST_STEPS = 2;
/** What those may cost, in cells of what is replayed with the changes. */
const MAX_CHANGED_CELLS = 4 * MAX_CELLS;
/** Whatever was recorded may grow by so much. */
const LEAST_GROWTH = 4;

/**
 * Cells to record instead of `MAX_CELLS`, fewer where the changes make a step larger; a text says
 * that two steps are too many.
 */
export function cellsFor(recording: Recording, changes: WhatifChanges): number | string {
  const now = stepCells(recording, null);
  const then = stepCells(recording, changes);
  if (LEAST_STEPS * then > Math.max(MAX_CHANGED_CELLS, LEAST_STEPS * LEAST_GROWTH * now)) {
    const most = Math.floor((MAX_CHANGED_CELLS / (LEAST_STEPS * then)) * workersOf(changes));
    return `too large to be replayed; with these layers and micro-batches up to ${most} workers can be`;
  }
  if (then <= now) return MAX_CELLS;
  return Math.max(LEAST_STEPS * now, Math.floor((MAX_CELLS / then) * now));
}

function workersOf({ attention, ffn }: WhatifChanges): number {
  return (attention ?? 0) + (ffn ?? 0);
}

/** Of a step of the domain with the most; null: as recorded. */
function stepCells({ layers, domains, ffn }: Recording, changes: WhatifChanges | null): number {
  const attention = Math.max(...domains.map(({ attentionIds }) => attentionIds.length));
  const all = domains.reduce((total, domain) => total + domain.attentionIds.length, 0);
  const growth = changes?.attention == null ? 1 : changes.attention / all;
  const microbatches = Math.max(...domains.map((domain) => domain.microbatches));
  const workers = attention * growth + (changes?.ffn ?? ffn.length);
  return workers * layers * (changes?.microbatches ?? microbatches);
}

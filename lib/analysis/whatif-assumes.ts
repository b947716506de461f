/** What a prediction rests on besides the record, in words. */
import { type LoadShares, shareWords } from './load-share.ts';
import type { WhatifChanges } from './whatif-changes.ts';

export function assumptionsOf(
  changes: WhatifChanges,
  shares: LoadShares,
  scalesAttention: boolean,
  scalesFfn: boolean,
): string[] {
  const told: string[] = [];
  if (changes.attention !== null) {
    told.push(
      'Each attention worker keeps its requests; tokens per FFN worker follow from the numbers of workers.',
      'A new worker is like a recorded one that is not slow; where workers go, those nearest to the median do.',
      'Transfers take as long as now, and the spread of tokens over FFN workers stays.',
    );
  }
  if (changes.microbatches !== null) {
    told.push(
      'A micro-batch more is like the recorded ones, from other steps; sampling takes as long as now.',
    );
  }
  if (scalesAttention) told.push(`Of attention time ${shareWords(shares.attention, 'requests')}`);
  if (scalesFfn) told.push(`Of FFN time ${shareWords(shares.ffn, 'tokens')}`);
  if (changes.levelExperts) {
    told.push(
      'What changes from one micro-batch to the next stays; only lasting skew is levelled.',
    );
  }
  if (changes.network !== 1) told.push('All transfers of a link scale alike, whatever their size.');
  return told;
}

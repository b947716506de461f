/** Keeping a window by hand: how much of it, and what is said about it. */
import type { FreezeRequest } from '#lib/api/incidents.ts';
import type { TimelineExtent } from './timeline-viewport.ts';

export const FREEZE_LENGTHS = [
  { seconds: 60, label: 'last minute' },
  { seconds: 300, label: 'last 5 min' },
  { seconds: 900, label: 'last 15 min' },
  { seconds: 3600, label: 'last hour' },
] as const;

export interface FreezeDraft {
  /** Seconds up to now, or the window that the page shows. */
  readonly length: (typeof FREEZE_LENGTHS)[number]['seconds'] | 'shown';
  readonly title: string;
  readonly note: string;
  readonly author: string;
}

/** `shown`: the window of the page; null where that moves with the time. */
export function freezeRequest(
  { length, title, note, author }: FreezeDraft,
  deployment: string,
  shown: TimelineExtent | null,
): FreezeRequest {
  const window =
    length === 'shown' && shown !== null
      ? { fromUnixNs: String(shown.fromUnixNs), toUnixNs: String(shown.toUnixNs) }
      : { lastSeconds: length === 'shown' ? FREEZE_LENGTHS[1].seconds : length };
  const text = title.trim();
  return {
    deployment,
    ...window,
    ...(text === '' ? {} : { title: text }),
    author: author.trim(),
    note: note.trim(),
  };
}

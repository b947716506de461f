/** Notes on a stretch of time: their order, their time in words, what a new one begins with. */
import type { AnnotationJson, AnnotationRequest } from '#lib/api/annotations.ts';
import { durationFigure, figureText } from './format.ts';
import { selectionExtent, type TimelineSelection } from './timeline-selection.ts';
import {
  offsetOf,
  type TimelineExtent,
  type TimelineViewport,
  xToTime,
} from './timeline-viewport.ts';

/** A note that is being written; `id` null: a new one. */
export interface NoteDraft {
  readonly id: string | null;
  readonly fromUnixNs: bigint;
  /** Equal to `fromUnixNs` for an instant. */
  readonly toUnixNs: bigint;
  readonly text: string;
}

export const MAX_NOTE_CHARS = 4_096;
export const MAX_AUTHOR_CHARS = 128;

/** On what is chosen, else on the instant in the middle of the view. */
export function newNote(selection: TimelineSelection | null, view: TimelineViewport): NoteDraft {
  if (selection === null) {
    const middle = xToTime(view, 1, 2);
    return { id: null, fromUnixNs: middle, toUnixNs: middle, text: '' };
  }
  return { id: null, ...selectionExtent(selection), text: '' };
}

export function draftOf({ id, fromUnixNs, toUnixNs, text }: AnnotationJson): NoteDraft {
  return { id, fromUnixNs: BigInt(fromUnixNs), toUnixNs: BigInt(toUnixNs), text };
}

/** What is sent; null: there is nothing to keep. */
export function noteRequest(
  draft: NoteDraft,
  deployment: string,
  author: string,
): AnnotationRequest | null {
  const text = draft.text.trim();
  if (text === '' || text.length > MAX_NOTE_CHARS) return null;
  return {
    ...(draft.id === null ? {} : { id: draft.id }),
    deployment,
    fromUnixNs: String(draft.fromUnixNs),
    toUnixNs: String(draft.toUnixNs),
    author: author.trim().slice(0, MAX_AUTHOR_CHARS),
    text,
  };
}

export interface NoteRow {
  readonly note: AnnotationJson;
  readonly extent: TimelineExtent;
  /** Does it touch what the view shows? */
  readonly isInView: boolean;
  /** `instant`, or how long. */
  readonly lengthText: string;
}

/** By time. */
export function noteRows(
  notes: readonly AnnotationJson[],
  view: TimelineViewport,
): readonly NoteRow[] {
  return notes
    .map((note) => {
      const extent = { fromUnixNs: BigInt(note.fromUnixNs), toUnixNs: BigInt(note.toUnixNs) };
      const lengthNs = Number(extent.toUnixNs - extent.fromUnixNs);
      const isInView =
        offsetOf(view, extent.fromUnixNs) <= view.spanNs && offsetOf(view, extent.toUnixNs) >= 0;
      const lengthText = lengthNs === 0 ? 'instant' : figureText(durationFigure(lengthNs));
      return { note, extent, isInView, lengthText };
    })
    .sort((a, b) => (a.extent.fromUnixNs < b.extent.fromUnixNs ? -1 : 1));
}

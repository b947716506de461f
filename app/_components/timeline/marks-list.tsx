'use client';

/** The marks of a stretch of time in words: what came late, twice, was refused, changed or is missing. */
import { MARK_LOOKS, marksWithin, secondText } from '#lib/view/timeline-marks.ts';
import { extentOf, type TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';

const MAX_LISTED = 50;

/** `extent` null: the time in view. */
export function MarksList({ extent }: { readonly extent: TimelineExtent | null }) {
  const store = useTimelineStore();
  const all = useTimelinePart((state) => state.info.marks);
  const viewport = useTimelinePart((state) => state.viewport);
  const marks = marksWithin(all, extent ?? extentOf(viewport));
  if (marks.length === 0) return null;
  return (
    <section
      className="mt-3"
      aria-label="Missing, late, refused and changed events"
      data-testid="marks-list"
    >
      <h3 className="font-semibold">
        {marks.length.toLocaleString('en-US')} {marks.length === 1 ? 'mark' : 'marks'}{' '}
        {extent === null ? 'in view' : 'in the area'}
      </h3>
      <ul className="text-small">
        {marks.slice(0, MAX_LISTED).map(({ key, mark, workerId, fromUnixNs, toUnixNs }) => (
          <li key={key}>
            <button
              type="button"
              className="block w-full px-1 py-1 text-left hover:bg-raised"
              title="Zoom to it"
              data-kind={mark.kind}
              onClick={() => store.showWindow(fromUnixNs, toUnixNs, 0.25)}
            >
              <span aria-hidden="true" className="mr-1 text-warning">
                {MARK_LOOKS[mark.kind].glyph}
              </span>
              {MARK_LOOKS[mark.kind].label}
              <span className="text-muted">
                {' '}
                {workerId ?? 'any worker'}, {secondText(fromUnixNs)}
              </span>
              <span className="block text-muted">{mark.text}</span>
            </button>
          </li>
        ))}
      </ul>
      {marks.length > MAX_LISTED && (
        <p className="text-small text-muted">
          And {(marks.length - MAX_LISTED).toLocaleString('en-US')} more: zoom in to see them.
        </p>
      )}
    </section>
  );
}

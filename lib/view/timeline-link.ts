/** Links from the evidence on other pages to the timeline, at the time and the rows that they name. */
import { DEFAULT_ALERT_CHOICE } from './alert-choice.ts';
import { NO_CHOICE } from './timeline-rows.ts';
import { DEFAULT_OVERLAYS, type TimelineSelection } from './timeline-selection.ts';
import { serializeTimeline } from './timeline-url.ts';
import { type TimelineExtent, viewAround } from './timeline-viewport.ts';
import { type PageState, serializePageState } from './url-state.ts';

export interface TimelinePlace {
  /** Pinned above the others. */
  readonly worker?: string;
  /** Only events of this layer, and micro-batch. */
  readonly layer?: number;
  readonly microbatch?: number;
  readonly stages?: readonly string[];
  readonly selection?: TimelineSelection;
  /** Lays the critical path, or the bubbles by cause, over the rows. */
  readonly overlay?: 'path' | 'bubbles';
}

/** Free time on both sides of what a link shows, as a share of it. */
const MARGIN = 0.15;

/** `window` null: the time of the page that the link is on. */
export function linkToTimeline(
  page: PageState,
  window: TimelineExtent | null,
  place: TimelinePlace = {},
): string {
  const { worker, layer, microbatch, stages, selection = null, overlay } = place;
  const search = new URLSearchParams(
    serializePageState({
      ...page,
      worker: null,
      layer: null,
      set: [],
      sort: null,
      alerts: DEFAULT_ALERT_CHOICE,
    }),
  );
  const own = serializeTimeline({
    viewport: window === null ? null : viewAround(window, MARGIN),
    isTail: false,
    selection,
    filters: {
      ...(layer === undefined ? {} : { layer }),
      ...(microbatch === undefined ? {} : { microbatch }),
      ...(stages === undefined ? {} : { stages }),
    },
    isDim: false,
    overlays: overlay === undefined ? DEFAULT_OVERLAYS : { ...DEFAULT_OVERLAYS, [overlay]: true },
    rows: worker === undefined ? NO_CHOICE : { ...NO_CHOICE, pinned: [worker] },
    ruler: null,
  });
  for (const [name, value] of own) search.set(name, value);
  return search.size === 0 ? '/timeline' : `/timeline?${search}`;
}

/**
 * What the panels of the timeline add to its URL: the search, the target that steps are held to, is
 * the flow followed, which panel is open. Everything else in the URL is left as it is.
 */
import { parseTargetMs } from './timeline-steps-view.ts';

export const TIMELINE_TABS = [
  { name: 'details', label: 'Details' },
  { name: 'steps', label: 'Steps' },
  { name: 'search', label: 'Search' },
  { name: 'notes', label: 'Notes' },
] as const;
export type TimelineTab = (typeof TIMELINE_TABS)[number]['name'];

export interface PanelsUrl {
  /** '': no search. */
  readonly query: string;
  /** null: no target. */
  readonly targetMs: number | null;
  /** Is the flow of the chosen event drawn? */
  readonly isFollowing: boolean;
  /** null: the panel beside the picture is closed. */
  readonly tab: TimelineTab | null;
}

export const MAX_QUERY_CHARS = 400;

export function parsePanelsUrl(search: URLSearchParams): PanelsUrl {
  const tab = search.get('panel');
  return {
    query: (search.get('q') ?? '').slice(0, MAX_QUERY_CHARS),
    targetMs: parseTargetMs(search.get('tpot')),
    isFollowing: search.get('follow') === '1',
    tab: TIMELINE_TABS.find(({ name }) => name === tab)?.name ?? null,
  };
}

/** The search part of a URL with the panels' state in it; defaults are left out. */
export function withPanelsUrl(search: URLSearchParams, panels: PanelsUrl): URLSearchParams {
  const next = new URLSearchParams(search);
  const put = (name: string, value: string | null) => {
    if (value === null) next.delete(name);
    else next.set(name, value);
  };
  put('q', panels.query === '' ? null : panels.query);
  put('tpot', panels.targetMs === null ? null : String(panels.targetMs));
  put('follow', panels.isFollowing ? '1' : null);
  put('panel', panels.tab);
  return next;
}

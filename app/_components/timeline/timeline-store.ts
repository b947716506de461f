/**
 * The timeline's state and what can be done with it, outside of React: a frame of panning moves the
 * picture without rendering a component. `useTimelinePart` (timeline-context.tsx) gives components
 * the state once the view has come to rest.
 */
import type { AnnotationJson } from '#lib/api/annotations.ts';
import type { CriticalPath } from '#lib/api/critical-path.ts';
import type { Problem } from '#lib/api/problem.ts';
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import type { TimelineRow, TimelineTileHeader } from '#lib/api/timeline-tile.ts';
import type { CauseName } from '#lib/api/waits.ts';
import type { ShownMark } from '#lib/view/timeline-marks.ts';
import { NO_CHOICE, type RowsChoice, type TimelineWorker } from '#lib/view/timeline-rows.ts';
import {
  DEFAULT_OVERLAYS,
  type OverlayName,
  selectionExtent,
  type TimelineFilters,
  type TimelineOverlays,
  type TimelineSelection,
  type TimelineTarget,
} from '#lib/view/timeline-selection.ts';
import {
  clampView,
  panView,
  sameView,
  type TimelineExtent,
  type TimelineViewport,
  viewAround,
  viewOf,
  zoomView,
} from '#lib/view/timeline-viewport.ts';

/** What the tiles in the picture say. */
export interface TimelineInfo {
  /** All workers of the deployment that have a row. */
  readonly workers: readonly TimelineWorker[];
  /** Rows of the tiles in the picture: clocks and busy shares of the part that is shown. */
  readonly rows: readonly TimelineRow[];
  readonly stages: readonly string[];
  readonly causes: readonly CauseName[];
  readonly notes: readonly string[];
  /** What is missing, came late, twice, was refused or changed in the picture. */
  readonly marks: readonly ShownMark[];
  readonly detail: TimelineTileHeader['detail'] | null;
  readonly source: TimelineTileHeader['source'] | null;
  readonly aligned: boolean;
  /** Events that the browser holds, in the picture or not. */
  readonly events: number;
  /** Tiles of the picture that are still asked for. */
  readonly loading: number;
  /** Why the newest tiles cannot be had; the picture stays. */
  readonly problem: Problem | null;
}

/** What panels draw over the rows. */
export interface TimelineLayers {
  readonly flow: TimelineFlow | null;
  readonly path: CriticalPath['step'];
  readonly notes: readonly AnnotationJson[];
  /** Found by the search: lit in the picture and on the minimap. */
  readonly hits: readonly {
    readonly workerId: string | null;
    readonly startUnixNs: bigint;
    readonly durationNs: number;
  }[];
}

export interface TimelineState {
  /** The view once it came to rest; `TimelineStore.view` is that of this frame. */
  readonly viewport: TimelineViewport;
  /** All that is kept, from the first to the last event. */
  readonly bounds: TimelineExtent;
  readonly selection: TimelineSelection | null;
  readonly filters: TimelineFilters;
  /** Are events that the filters take away seen faintly, or not at all? */
  readonly isDim: boolean;
  readonly overlays: TimelineOverlays;
  readonly rows: RowsChoice;
  /** What the ruler measures. */
  readonly ruler: TimelineExtent | null;
  /** The next drag measures. */
  readonly isMeasuring: boolean;
  /** Follows the newest data. */
  readonly isTail: boolean;
  /** Why the view is not where it was asked for, until somebody moves it. */
  readonly notice: string | null;
  readonly hovered: TimelineTarget | null;
  readonly layers: TimelineLayers;
  readonly info: TimelineInfo;
}

export const NO_INFO: TimelineInfo = {
  workers: [],
  rows: [],
  stages: [],
  causes: [],
  notes: [],
  marks: [],
  detail: null,
  source: null,
  aligned: false,
  events: 0,
  loading: 0,
  problem: null,
};

const SETTLE_MS = 120;
const TAIL_SETTLE_MS = 1_000;

/** What a deep link holds of the state. */
export type TimelineStart = Pick<
  TimelineState,
  | 'viewport'
  | 'selection'
  | 'filters'
  | 'isDim'
  | 'overlays'
  | 'rows'
  | 'ruler'
  | 'isTail'
  | 'notice'
>;

export class TimelineStore {
  #state: TimelineState;
  #view: TimelineViewport;
  #listeners = new Set<() => void>();
  #viewListeners = new Set<() => void>();
  #settleTimer: ReturnType<typeof setTimeout> | undefined;
  #isHeld = false;
  #isMoving = false;
  #moveListeners = new Set<(isMoving: boolean) => void>();
  #settledMs = 0;
  #stepper: ((direction: 'next' | 'previous') => void) | null = null;

  constructor(bounds: TimelineExtent, start: Partial<TimelineStart> = {}) {
    const viewport = clampView(start.viewport ?? viewOf(bounds), bounds);
    this.#view = viewport;
    this.#state = {
      bounds,
      selection: null,
      filters: {},
      isDim: false,
      overlays: DEFAULT_OVERLAYS,
      rows: NO_CHOICE,
      ruler: null,
      isMeasuring: false,
      isTail: false,
      notice: null,
      hovered: null,
      layers: { flow: null, path: null, notes: [], hits: [] },
      info: NO_INFO,
      ...start,
      viewport,
    };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  state = (): TimelineState => this.#state;

  /** Called at once on every move of the view, many times a second. */
  onView(listener: () => void): () => void {
    this.#viewListeners.add(listener);
    return () => this.#viewListeners.delete(listener);
  }

  /** Is the view moved by a hand: dragged, by keys, by the wheel? It ends when the view rests. */
  get isMoving(): boolean {
    return this.#isMoving;
  }

  /** Called when a move begins and ends. */
  onMoving(listener: (isMoving: boolean) => void): () => void {
    this.#moveListeners.add(listener);
    return () => this.#moveListeners.delete(listener);
  }

  #setMoving(isMoving: boolean): void {
    if (isMoving === this.#isMoving) return;
    this.#isMoving = isMoving;
    for (const listener of this.#moveListeners) listener(isMoving);
  }

  /** How long the picture's tiles take to come: a tail stays that far behind. */
  tileLatencyMs = 0;

  /** The view of this frame. */
  get view(): TimelineViewport {
    return this.#view;
  }

  /** Moves the view; `by: 'tail'` keeps following the newest data, everything else ends that. */
  setViewport(view: TimelineViewport, by: 'person' | 'tail' = 'person'): void {
    const next = clampView(view, this.#state.bounds);
    if (by === 'person' && this.#state.isTail) this.#set({ isTail: false });
    if (sameView(next, this.#view)) return;
    this.#view = next;
    if (by === 'person') this.#setMoving(true);
    for (const listener of this.#viewListeners) listener();
    clearTimeout(this.#settleTimer);
    // A tail never rests: components see it once a second.
    if (this.#isHeld) return;
    const waitedMs = performance.now() - this.#settledMs;
    const isLong = by === 'tail' && waitedMs >= TAIL_SETTLE_MS;
    this.#settleTimer = setTimeout(this.#settle, isLong ? 0 : SETTLE_MS);
  }

  /** While a hand drags the view it does not rest, however long a frame takes. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    clearTimeout(this.#settleTimer);
    if (isHeld) this.#setMoving(true);
    else this.#settleTimer = setTimeout(this.#settle, SETTLE_MS);
  }

  #settle = (): void => {
    this.#settledMs = performance.now();
    const isByHand = this.#isMoving;
    this.#setMoving(false);
    if (isByHand && this.#state.notice !== null) this.#set({ notice: null });
    if (!sameView(this.#state.viewport, this.#view)) this.#set({ viewport: this.#view });
  };

  /** `share`: of the width, positive to later times. */
  panBy(share: number): void {
    this.setViewport(panView(this.#view, share * this.#view.spanNs));
  }

  /** `factor` < 1: closer, about `share` (0..1) of the width. */
  zoomBy(factor: number, share = 0.5): void {
    const { isTail, bounds } = this.#state;
    // The newest data stay at the right edge.
    const next = zoomView(this.#view, isTail ? 1 : share, factor, bounds);
    this.setViewport(next, isTail ? 'tail' : 'person');
  }

  /** What a link says; the view stays where it names none. */
  open(start: Partial<TimelineStart>): void {
    const { viewport, ...rest } = start;
    if (viewport !== undefined) this.setViewport(viewport, 'tail');
    this.#set(rest);
  }

  /** Shows a stretch of time with a little room on both sides. */
  showWindow(fromUnixNs: bigint, toUnixNs: bigint, marginShare = 0.05): void {
    this.setViewport(viewAround({ fromUnixNs, toUnixNs }, marginShare));
  }

  fitAll(): void {
    this.showWindow(this.#state.bounds.fromUnixNs, this.#state.bounds.toUnixNs, 0.01);
  }

  /** Zooms to what is chosen; nothing chosen: all. */
  fitSelection(): void {
    const { selection } = this.#state;
    if (selection === null) {
      this.fitAll();
      return;
    }
    const { fromUnixNs, toUnixNs } = selectionExtent(selection);
    this.showWindow(fromUnixNs, toUnixNs, selection.kind === 'area' ? 0 : 1);
  }

  select(selection: TimelineSelection | null): void {
    this.#set({ selection });
  }

  /** Chooses something and brings it into view: its time, and (in the canvas) its row. */
  focusOn(selection: TimelineSelection): void {
    const { fromUnixNs, toUnixNs } = selectionExtent(selection);
    const lengthNs = Number(toUnixNs - fromUnixNs);
    this.select(selection);
    // A box that is too small or too large to see is zoomed to; else the zoom stays.
    const share = lengthNs / this.#view.spanNs;
    if (share < 0.002 || share > 1) this.showWindow(fromUnixNs, toUnixNs, share > 1 ? 0.1 : 4);
    else {
      const offsetNs = Number(fromUnixNs - this.#view.fromUnixNs);
      const isInside = offsetNs >= 0 && offsetNs + lengthNs <= this.#view.spanNs;
      if (!isInside) this.setViewport(panView(this.#view, offsetNs - this.#view.spanNs / 2));
    }
  }

  setHovered(hovered: TimelineTarget | null): void {
    if (hovered !== this.#state.hovered) this.#set({ hovered });
  }

  /** A filter that is undefined is none. */
  setFilters(filters: TimelineFilters): void {
    this.#set({ filters });
  }

  setDim(isDim: boolean): void {
    this.#set({ isDim });
  }

  toggleOverlay(name: OverlayName): void {
    const { overlays } = this.#state;
    this.#set({ overlays: { ...overlays, [name]: !overlays[name] } });
  }

  setRows(rows: RowsChoice): void {
    this.#set({ rows });
  }

  setRuler(ruler: TimelineExtent | null): void {
    this.#set({ ruler });
  }

  setMeasuring(isMeasuring: boolean): void {
    this.#set({ isMeasuring, ruler: isMeasuring ? null : this.#state.ruler });
  }

  setTail(isTail: boolean): void {
    this.#set({ isTail });
  }

  setBounds(bounds: TimelineExtent): void {
    const old = this.#state.bounds;
    const isSame = old.fromUnixNs === bounds.fromUnixNs && old.toUnixNs === bounds.toUnixNs;
    if (!isSame) this.#set({ bounds });
  }

  setInfo(info: TimelineInfo): void {
    this.#set({ info });
  }

  /** What a panel wants drawn; what it leaves out stays. */
  setLayers(layers: Partial<TimelineLayers>): void {
    this.#set({ layers: { ...this.#state.layers, ...layers } });
  }

  /** Who answers `[` and `]`; null: nobody. */
  setStepper(stepper: ((direction: 'next' | 'previous') => void) | null): void {
    this.#stepper = stepper;
  }

  step(direction: 'next' | 'previous'): void {
    this.#stepper?.(direction);
  }

  #set(change: Partial<TimelineState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

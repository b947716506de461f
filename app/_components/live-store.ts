'use client';

/**
 * The one EventSource of this browser tab, and what it has told so far. Components read it through
 * `useLive`. While paused, readers keep the picture of that moment and the store goes on listening.
 *
 * While the page rests (page-rest.ts), what comes is kept unread, and read afterwards.
 *
 * A hidden tab lets go of its stream after half a minute: browsers allow six connections to a host.
 */
import { useSyncExternalStore } from 'react';
import { fetchSeries, liveUrl } from '#lib/api/client.ts';
import { type LiveEvent, liveEventSchema } from '#lib/api/live-event.ts';
import {
  applyHistory,
  applyLiveEvent,
  initialLiveState,
  type LiveState,
} from '#lib/view/live-state.ts';

const KINDS: readonly LiveEvent['kind'][] = ['overview', 'strip', 'heatmap', 'point', 'reset'];
const HIDDEN_CLOSE_MS = 30_000;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000] as const;
/** History asked for on a fresh stream: the live trend window and some room. */
const HISTORY = { from: '-6m', to: 'now' } as const;
/** More is read though the page rests. */
const MAX_UNREAD = 512;
/** Rollups close a moment after their time: what lay between them and the stream is there by then. */
const SECOND_HISTORY_MS = 15_000;

interface Shown {
  readonly state: LiveState;
  readonly paused: boolean;
}

class LiveStore {
  #state: LiveState = initialLiveState(null);
  #shown: Shown = { state: this.#state, paused: false };
  #source: EventSource | null = null;
  #listeners = new Set<() => void>();
  #retry = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #history: AbortController | null = null;
  #historyTimer: ReturnType<typeof setTimeout> | undefined;
  #watching = false;
  #isResting = false;
  #unread: string[] = [];

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  shown = (): Shown => this.#shown;

  /** Follows this deployment; null: none. */
  follow(deployment: string | null): void {
    if (deployment === this.#state.deployment && (deployment === null || this.#source !== null)) {
      return;
    }
    this.#close();
    if (deployment !== this.#state.deployment) {
      // What was paused is gone: a new picture moves, else it would never come.
      this.#shown = { ...this.#shown, paused: this.#shown.paused && deployment === null };
      this.#set(initialLiveState(deployment), true);
    }
    if (deployment === null) return;
    this.#watchVisibility();
    this.#open();
  }

  setPaused(paused: boolean): void {
    this.#shown = { state: this.#state, paused };
    this.#notify();
  }

  #open(): void {
    const { deployment } = this.#state;
    if (deployment === null) return;
    clearTimeout(this.#retryTimer);
    const source = new EventSource(liveUrl(deployment));
    this.#source = source;
    for (const kind of KINDS) {
      source.addEventListener(kind, (message) => this.#receive(message.data));
    }
    source.onopen = () => {
      this.#retry = 0;
      this.#set({ ...this.#state, connection: 'open' });
    };
    source.onerror = () => {
      this.#set({ ...this.#state, connection: 'retrying' });
      if (this.#history === null) this.#startHistory();
      // The browser itself reconnects a broken stream, but gives up for good on an HTTP error.
      if (source.readyState === EventSource.CLOSED && this.#source === source) {
        this.#source = null;
        const wait = RETRY_MS[Math.min(this.#retry++, RETRY_MS.length - 1)]!;
        this.#retryTimer = setTimeout(() => this.#open(), wait);
      }
    };
  }

  #close(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#historyTimer);
    this.#history?.abort();
    this.#history = null;
    this.#source?.close();
    this.#source = null;
    this.#unread = [];
  }

  rest(isResting: boolean): void {
    this.#isResting = isResting;
    if (!isResting) this.#readAll();
  }

  #receive(data: unknown): void {
    if (typeof data !== 'string') return;
    this.#unread.push(data);
    if (!this.#isResting || this.#unread.length >= MAX_UNREAD) this.#readAll();
  }

  #readAll(): void {
    for (const data of this.#unread.splice(0)) this.#read(data);
  }

  #read(data: string): void {
    const parsed = liveEventSchema.safeParse(safeJson(data));
    // An event of a newer version is left out; the next overview shows whether the stream works.
    if (!parsed.success) return;
    const resets = this.#state.resets;
    this.#set(applyLiveEvent(this.#state, parsed.data, Date.now()));
    if (this.#state.resets !== resets) this.#startHistory();
  }

  /** A new stream begins with a reset, which asks for it; one that cannot be had is no reason to wait. */
  #startHistory(): void {
    clearTimeout(this.#historyTimer);
    this.#loadHistory();
    this.#historyTimer = setTimeout(() => this.#loadHistory(), SECOND_HISTORY_MS);
  }

  #loadHistory(): void {
    const { deployment } = this.#state;
    if (deployment === null) return;
    this.#history?.abort();
    const controller = new AbortController();
    this.#history = controller;
    fetchSeries(deployment, HISTORY, { signal: controller.signal })
      .then((series) => {
        if (!controller.signal.aborted && this.#state.deployment === deployment) {
          this.#set(applyHistory(this.#state, series.points));
        }
      })
      .catch(() => {
        // Without history the charts begin with the live points; the stream tells the rest.
      });
  }

  #watchVisibility(): void {
    if (this.#watching) return;
    this.#watching = true;
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#hiddenTimer);
      if (document.visibilityState === 'hidden') {
        this.#hiddenTimer = setTimeout(() => this.#close(), HIDDEN_CLOSE_MS);
      } else if (this.#source === null && this.#state.deployment !== null) {
        this.#open();
      }
    });
  }

  #set(state: LiveState, always = false): void {
    this.#state = state;
    if (this.#shown.paused && !always) return;
    this.#shown = { state, paused: this.#shown.paused };
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const liveStore = new LiveStore();

const SERVER_SHOWN: Shown = { state: initialLiveState(null), paused: false };

export function useLive(): Shown {
  return useSyncExternalStore(liveStore.subscribe, liveStore.shown, () => SERVER_SHOWN);
}

const isPaused = (): boolean => liveStore.shown().paused;

/** Does the page stand still? Renders again when that changes, not with every live event. */
export function useLivePaused(): boolean {
  return useSyncExternalStore(liveStore.subscribe, isPaused, () => false);
}

'use client';

/** Pointer, wheel and pinch on the picture and its axis. */
import { type RefObject, useEffect } from 'react';
import { panView } from '#lib/view/timeline-viewport.ts';
import { useTimelineStore } from './timeline-context.tsx';
import type { TimelinePicture } from './timeline-picture.ts';
import type { TimelineStore } from './timeline-store.ts';

/** A press that moves less is a click. */
const CLICK_PX = 4;
/** Zoom by a pixel of the wheel. */
const WHEEL_ZOOM = 0.0022;
const LINE_PX = 16;

type Drag =
  | { readonly kind: 'pan'; readonly view: TimelineStore['view']; readonly scrollPx: number }
  | { readonly kind: 'area'; readonly isAxis: boolean }
  | { readonly kind: 'ruler' };

interface Press {
  readonly pointerId: number;
  readonly drag: Drag;
  readonly startX: number;
  readonly startY: number;
  readonly startUnixNs: bigint;
  /** Where the picture was then. */
  readonly box: DOMRect;
  isMoved: boolean;
}

export function useTimelinePointer(
  surface: RefObject<HTMLElement | null>,
  axis: RefObject<HTMLElement | null>,
  scroller: RefObject<HTMLElement | null>,
  picture: TimelinePicture | null,
): void {
  const store = useTimelineStore();
  useEffect(() => {
    const [own, above, scrolled] = [surface.current, axis.current, scroller.current];
    if (own === null || above === null || scrolled === null || picture === null) return;
    const hand = new Hand(store, picture, own, scrolled);
    const stops = [hand.listen(own, false), hand.listen(above, true)];
    return () => {
      for (const stop of stops) stop();
    };
  }, [store, picture, surface, axis, scroller]);
}

class Hand {
  readonly #store: TimelineStore;
  readonly #picture: TimelinePicture;
  readonly #surface: HTMLElement;
  readonly #scroller: HTMLElement;
  #press: Press | null = null;
  /** Pointers that are down, for a pinch. */
  #touches = new Map<number, { readonly x: number; readonly y: number }>();

  constructor(
    store: TimelineStore,
    picture: TimelinePicture,
    surface: HTMLElement,
    scroller: HTMLElement,
  ) {
    this.#store = store;
    this.#picture = picture;
    this.#surface = surface;
    this.#scroller = scroller;
  }

  listen(element: HTMLElement, isAxis: boolean): () => void {
    const down = (event: PointerEvent) => this.#onDown(event, element, isAxis);
    const wheel = (event: WheelEvent) => this.#onWheel(event);
    element.addEventListener('pointerdown', down);
    element.addEventListener('pointermove', this.#onMove);
    element.addEventListener('pointerup', this.#onUp);
    element.addEventListener('pointercancel', this.#onUp);
    element.addEventListener('pointerleave', this.#onLeave);
    element.addEventListener('dblclick', this.#onDouble);
    // React's wheel listeners are passive: this one must keep the page from scrolling.
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      element.removeEventListener('pointerdown', down);
      element.removeEventListener('pointermove', this.#onMove);
      element.removeEventListener('pointerup', this.#onUp);
      element.removeEventListener('pointercancel', this.#onUp);
      element.removeEventListener('pointerleave', this.#onLeave);
      element.removeEventListener('dblclick', this.#onDouble);
      element.removeEventListener('wheel', wheel);
    };
  }

  /** In pixels of the picture, also for the axis above it. */
  #place(event: MouseEvent): { readonly x: number; readonly y: number; readonly width: number } {
    // Asked in every frame of a drag, it would make the browser lay the page out each time.
    const box = this.#press?.box ?? this.#surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top, width: box.width };
  }

  #onDown(event: PointerEvent, element: HTMLElement, isAxis: boolean): void {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    if (!isAxis) this.#surface.focus({ preventScroll: true });
    const box = this.#surface.getBoundingClientRect();
    const { x, y } = this.#place(event);
    this.#touches.set(event.pointerId, { x, y });
    const drag: Drag = this.#store.state().isMeasuring
      ? { kind: 'ruler' }
      : isAxis || event.shiftKey
        ? { kind: 'area', isAxis }
        : { kind: 'pan', view: this.#store.view, scrollPx: this.#scroller.scrollTop };
    if (drag.kind === 'pan') this.#store.hold(true);
    this.#press = {
      pointerId: event.pointerId,
      drag,
      startX: x,
      startY: y,
      startUnixNs: this.#picture.timeAt(x),
      box,
      isMoved: false,
    };
  }

  #onMove = (event: PointerEvent): void => {
    const { x, y, width } = this.#place(event);
    const before = this.#touches.get(event.pointerId);
    if (before !== undefined && this.#touches.size === 2) {
      this.#pinch(event.pointerId, before, { x, y }, width);
      return;
    }
    this.#picture.setPointer({ xPx: x, yPx: y });
    const press = this.#press;
    if (press === null || press.pointerId !== event.pointerId) {
      this.#store.setHovered(y < 0 ? null : this.#picture.hit(x, y));
      return;
    }
    if (Math.abs(x - press.startX) + Math.abs(y - press.startY) >= CLICK_PX) press.isMoved = true;
    if (press.isMoved) this.#dragTo(press, x, y, width);
  };

  #dragTo(press: Press, x: number, y: number, width: number): void {
    const { drag } = press;
    if (drag.kind === 'pan') {
      const spanNs = drag.view.spanNs;
      const deltaNs = ((press.startX - x) / Math.max(1, width)) * spanNs;
      this.#store.setViewport(panView(drag.view, deltaNs));
      this.#scroller.scrollTop = drag.scrollPx + press.startY - y;
      return;
    }
    const atUnixNs = this.#picture.timeAt(x);
    const [fromUnixNs, toUnixNs] =
      atUnixNs < press.startUnixNs
        ? [atUnixNs, press.startUnixNs]
        : [press.startUnixNs, atUnixNs + 1n];
    if (drag.kind === 'ruler') this.#store.setRuler({ fromUnixNs, toUnixNs });
    else {
      const workers = drag.isAxis ? null : this.#picture.workersBetween(press.startY, y);
      this.#store.select({ kind: 'area', area: { fromUnixNs, toUnixNs, workers } });
    }
  }

  /** Two fingers: their middle moves the view, their distance zooms it. */
  #pinch(
    pointerId: number,
    before: { readonly x: number },
    now: { readonly x: number; readonly y: number },
    width: number,
  ): void {
    const other = [...this.#touches].find(([id]) => id !== pointerId)![1];
    const oldPx = Math.max(10, Math.abs(before.x - other.x));
    const newPx = Math.max(10, Math.abs(now.x - other.x));
    const middlePx = (now.x + other.x) / 2;
    this.#store.panBy((before.x - now.x) / 2 / Math.max(1, width));
    this.#store.zoomBy(oldPx / newPx, middlePx / Math.max(1, width));
    this.#touches.set(pointerId, now);
    this.#press = null;
  }

  #onUp = (event: PointerEvent): void => {
    this.#touches.delete(event.pointerId);
    const press = this.#press;
    this.#press = null;
    // A pinch lets go of the press before its fingers are up.
    if (this.#touches.size === 0) this.#store.hold(false);
    if (press === null || press.pointerId !== event.pointerId) return;
    if (press.drag.kind === 'ruler' && press.isMoved) {
      const { ruler } = this.#store.state();
      this.#store.setMeasuring(false);
      this.#store.setRuler(ruler);
      return;
    }
    if (press.isMoved || event.type === 'pointercancel' || press.startY < 0) return;
    this.#store.select(this.#picture.hit(press.startX, press.startY));
  };

  #onLeave = (): void => {
    if (this.#press !== null) return;
    this.#picture.setPointer(null);
    this.#store.setHovered(null);
  };

  #onDouble = (): void => this.#store.fitSelection();

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    const unitPx = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
    const { x, width } = this.#place(event);
    const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.altKey) this.#scroller.scrollBy({ top: event.deltaY * unitPx });
    else if (isPan) {
      const deltaPx = (event.deltaX === 0 ? event.deltaY : event.deltaX) * unitPx;
      this.#store.panBy(deltaPx / Math.max(1, width));
    } else {
      this.#store.zoomBy(Math.exp(event.deltaY * unitPx * WHEEL_ZOOM), x / Math.max(1, width));
    }
  }
}

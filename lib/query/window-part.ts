/** One thread's part of a long window: its events from the store, and what they add to the report. */
import type { ReportPart } from '#lib/analysis/report-part.ts';
import type { SideSteps } from '#lib/analysis/seam.ts';
import type { SharedFacts } from '#lib/analysis/slice.ts';
import { type PartOfWindow, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { loadWindow, MARGIN_NS, REPORT_COLUMNS } from './load-events.ts';

export interface PartQuestion {
  readonly deployment: string;
  /** The report's window. */
  readonly window: PartOfWindow;
  /** What of it to work on. */
  readonly own: PartOfWindow;
  /** Where the part meets the other one. */
  readonly seamUnixNs: UnixNanos;
  readonly maxEvents: number;
}

/** Read beyond the seam. Whether that was enough, both parts together tell (`seamHolds`). */
export const SEAM_MARGIN_NS = NS_PER_S;

/** What a part of the window gives; `window`: the report's, as far as the part's events tell. */
export interface PartAnswer {
  readonly window: TimeWindow;
  readonly parts: readonly ReportPart[];
  readonly steps: SideSteps;
}

export class WindowPart {
  readonly #sliced: SlicedWindow;

  readonly #seamUnixNs: UnixNanos;

  private constructor(sliced: SlicedWindow, seamUnixNs: UnixNanos) {
    this.#sliced = sliced;
    this.#seamUnixNs = seamUnixNs;
  }

  /** null: too many events, or not to be cut into slices. */
  static async load(
    reader: TelemetryReader,
    { deployment, window, own, seamUnixNs, maxEvents }: PartQuestion,
  ): Promise<WindowPart | null> {
    // Loading widens by the common margin, which is more than the seam's.
    const lessNs = BigInt(MARGIN_NS - SEAM_MARGIN_NS);
    const { fromUnixNs, toUnixNs } = own;
    const around = {
      ...window,
      ...(fromUnixNs === undefined ? {} : { fromUnixNs: unixNanos(fromUnixNs + lessNs) }),
      ...(toUnixNs === undefined ? {} : { toUnixNs: unixNanos(toUnixNs - lessNs) }),
    };
    const loaded = await loadWindow(
      reader,
      deployment,
      around,
      maxEvents,
      MARGIN_NS,
      REPORT_COLUMNS,
    );
    if (!loaded.complete) return null;
    const sliced = SlicedWindow.of(loaded.tables, deployment, window, own);
    return sliced === null ? null : new WindowPart(sliced, seamUnixNs);
  }

  answer(): PartAnswer {
    return {
      window: this.#sliced.window,
      parts: this.#sliced.parts(),
      steps: this.#sliced.stepsAround(this.#seamUnixNs),
    };
  }

  again(slice: number, known: SharedFacts): ReportPart {
    return this.#sliced.part(slice, known);
  }
}

/** Another thread that works on a part of a window. Questions are answered one after the other. */
export interface PartHelper {
  /** null: it cannot be done in parts. */
  answer(question: PartQuestion): Promise<PartAnswer | null>;
  /** Slice `slice` of the last answer, with what all slices tell. */
  again(slice: number, known: SharedFacts): Promise<ReportPart>;
  close(): Promise<void>;
}

/** One thread's part of a long window: its events from the store, and what they add to the report. */
import type { LoadModel } from '#lib/analysis/load-model.ts';
import type { LoadSums } from '#lib/analysis/load-sums.ts';
import type { ReportPart } from '#lib/analysis/report-part.ts';
import type { SideSteps } from '#lib/analysis/seam.ts';
import type { SharedFacts } from '#lib/analysis/slice.ts';
import { type PartOfWindow, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { alignTables, ClockTransfers } from '#lib/model/align-events.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import type { ClockBoundsPart } from '#lib/model/clock-bounds.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
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
  /** Transfers of the part that are received before they are sent, as they were aligned. */
  readonly violationsAfter: number;
}

/** What a part's transfers say of the clocks; null: its workers share one. */
export interface PartClocks {
  readonly bounds: ClockBoundsPart | null;
}

export class WindowPart {
  readonly #question: PartQuestion;
  #tables: readonly EventTable[];
  #transfers: ClockTransfers | null;
  #violationsAfter = 0;
  #sliced: SlicedWindow | null = null;

  private constructor(question: PartQuestion, tables: readonly EventTable[]) {
    const { deployment, window, own } = question;
    this.#question = question;
    this.#tables = tables;
    this.#transfers = ClockTransfers.find(tables, deployment, window, own);
  }

  /** null: too many events. */
  static async load(reader: TelemetryReader, question: PartQuestion): Promise<WindowPart | null> {
    const { deployment, window, own, maxEvents } = question;
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
    return loaded.complete ? new WindowPart(question, loaded.tables) : null;
  }

  clocks(): PartClocks {
    return { bounds: this.#transfers?.part() ?? null };
  }

  /**
   * Cuts the part into slices. `alignment`: what all parts together tell of the clocks; null: they are
   * one. null: it cannot be cut.
   */
  cut(alignment: ClockAlignment | null): LoadSums | null {
    const { deployment, window, own } = this.#question;
    const tables = alignment === null ? this.#tables : alignTables(this.#tables, alignment);
    this.#violationsAfter =
      alignment === null ? 0 : (this.#transfers?.violationsAs(alignment) ?? 0);
    // Raw times are not needed any more.
    this.#transfers = null;
    this.#tables = [];
    this.#sliced = SlicedWindow.of(tables, deployment, window, own);
    return this.#sliced?.loadSums() ?? null;
  }

  /** `loadModel`: what the steps of all parts together tell. */
  answer(loadModel: LoadModel): PartAnswer {
    const sliced = this.#cut();
    sliced.setLoadModel(loadModel);
    return {
      window: sliced.window,
      parts: sliced.parts(),
      steps: sliced.stepsAround(this.#question.seamUnixNs),
      violationsAfter: this.#violationsAfter,
    };
  }

  again(slice: number, known: SharedFacts): ReportPart {
    return this.#cut().part(slice, known);
  }

  #cut(): SlicedWindow {
    if (this.#sliced === null) throw new Error('the part is not cut into slices yet');
    return this.#sliced;
  }
}

/** Another thread that works on a part of a window. Questions are answered one after the other. */
export interface PartHelper {
  /** Reads the part's events. null: it cannot be done in parts. */
  load(question: PartQuestion): Promise<PartClocks | null>;
  /** Aligns what was loaded last. null: it cannot be done in parts. */
  cut(alignment: ClockAlignment | null): Promise<LoadSums | null>;
  /** Of what was cut last. */
  answer(loadModel: LoadModel): Promise<PartAnswer>;
  /** Slice `slice` of the last answer, with what all slices tell. */
  again(slice: number, known: SharedFacts): Promise<ReportPart>;
  close(): Promise<void>;
}

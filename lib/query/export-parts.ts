/**
 * An export's events in parts of bounded size, at aligned times. The events are read three times:
 * once to see how they lie (export-survey.ts), once for what transfers tell of the clocks where there
 * are several, and once to be written.
 */
import { addNanos, nanosBetween, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { ExportPart } from '#lib/export/export-part.ts';
import { alignTables, ClockTransfers, type ClockWindow } from '#lib/model/align-events.ts';
import { alignClocks, type ClockAlignment } from '#lib/model/clock-alignment.ts';
import { ClockBounds } from '#lib/model/clock-bounds.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { ABSENT } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { mostMovedWithin } from './clock-moves.ts';
import { BadQuestionError } from './errors.ts';
import type { ExportSelection } from './export-format.ts';
import { type ExportSurvey, surveyExport } from './export-survey.ts';
import { MARGIN_NS } from './load-events.ts';

/** About so many events start in a part; with what belongs to its steps, a few more are in memory. */
const PART_EVENTS = 250_000;

const MAX_WINDOW_NS = 100n * 86_400_000_000_000n;

interface PartPlan {
  readonly own: ClockWindow;
  /** By raw time. */
  readonly touched: TimeWindow;
}

export class ExportEvents {
  readonly #reader: TelemetryReader;
  readonly #selection: ExportSelection;
  readonly #survey: ExportSurvey;
  readonly #plans: readonly PartPlan[];
  /** null: all workers share one clock, or no clock is corrected. */
  readonly alignment: ClockAlignment | null;
  readonly #movedNs: number;

  private constructor(
    reader: TelemetryReader,
    selection: ExportSelection,
    survey: ExportSurvey,
    plans: readonly PartPlan[],
    alignment: ClockAlignment | null,
  ) {
    this.#reader = reader;
    this.#selection = selection;
    this.#survey = survey;
    this.#plans = plans;
    this.alignment = alignment;
    const { fromUnixNs, toUnixNs } = selection.window;
    this.#movedNs = mostMovedWithin(alignment, { fromUnixNs, toUnixNs });
  }

  /** @throws BadQuestionError where the window is longer than times can be told exactly. */
  static async of(
    reader: TelemetryReader,
    selection: ExportSelection,
    partEvents = PART_EVENTS,
  ): Promise<ExportEvents> {
    const { deployment, window } = selection;
    if (window.toUnixNs - window.fromUnixNs > MAX_WINDOW_NS) {
      throw new BadQuestionError('from', 'The window is longer than 100 days: ask for less.');
    }
    const survey = await surveyExport(reader, deployment, window);
    const plans = planParts(survey, window, partEvents);
    const raw = new ExportEvents(reader, selection, survey, plans, null);
    if (!survey.manyClocks) return raw;
    const alignment = await raw.#alignClocks();
    if (alignment.domains.every(({ correction }) => correction === null)) return raw;
    return new ExportEvents(reader, selection, survey, plans, alignment);
  }

  /** Events that start in the window, as far as raw times tell. */
  get events(): number {
    return this.#survey.events;
  }

  async *parts(): AsyncGenerator<ExportPart> {
    const { deployment, window, isWhole } = this.#selection;
    for (const { own, touched } of this.#plans) {
      const raw = await this.#read(touched, this.#movedNs);
      if (raw.length === 0) continue;
      const aligned = this.alignment === null ? raw : alignTables(raw, this.alignment);
      yield {
        deployment,
        aligned,
        raw,
        ownFromUnixNs: own.fromUnixNs,
        ownToUnixNs: own.toUnixNs,
        window: isWhole ? null : window,
      };
    }
  }

  /**
   * All rows that a report of the window is made of, raw, in slices: of the steps that touch it and
   * their neighbours, and what belongs to no step and touches it.
   */
  async *reportRows(): AsyncGenerator<EventTable> {
    const { deployment, window, isWhole } = this.#selection;
    if (isWhole) {
      for await (const table of this.#reader.scanEvents({ deployment })) yield table;
      return;
    }
    const wanted = this.#stepsIn(window, this.#movedNs);
    const { steps } = this.#survey;
    for (let i = 0; i < steps.length; i++) {
      if (wanted[i] !== 1) continue;
      for (const number of [steps.step.values[i]! - 1, steps.step.values[i]! + 1]) {
        const neighbour = steps.find(steps.domain.values[i]!, number);
        if (neighbour >= 0 && wanted[neighbour] === 0) wanted[neighbour] = 2;
      }
    }
    yield* this.#scan(window, wanted, this.#movedNs);
  }

  async #alignClocks(): Promise<ClockAlignment> {
    const { deployment, window, isWhole } = this.#selection;
    const bounds = new ClockBounds();
    for (const { own, touched } of this.#plans) {
      const tables = await this.#read(touched, 0);
      const found = ClockTransfers.find(tables, deployment, isWhole ? {} : window, own);
      found?.addTo(bounds);
    }
    return alignClocks(bounds.part());
  }

  async #read(window: TimeWindow, slackNs: number): Promise<EventTable[]> {
    const tables: EventTable[] = [];
    for await (const table of this.#scan(window, this.#stepsIn(window, slackNs), slackNs)) {
      tables.push(table);
    }
    return tables;
  }

  /** 1: the step touches the window by raw time, give or take. */
  #stepsIn(window: TimeWindow, slackNs: number): Uint8Array {
    const { baseUnixNs, steps } = this.#survey;
    const fromNs = nanosBetween(baseUnixNs, window.fromUnixNs) - slackNs;
    const toNs = nanosBetween(baseUnixNs, window.toUnixNs) + slackNs;
    const wanted = new Uint8Array(steps.length);
    for (let i = 0; i < wanted.length; i++) {
      wanted[i] = Number(steps.startNs.values[i]! <= toNs && steps.endNs.values[i]! >= fromNs);
    }
    return wanted;
  }

  /** Rows of the wanted steps, and those without a step that touch the window. */
  async *#scan(
    window: TimeWindow,
    wanted: Uint8Array,
    slackNs: number,
  ): AsyncGenerator<EventTable> {
    const { deployment } = this.#selection;
    const { baseUnixNs, steps } = this.#survey;
    const fromNs = nanosBetween(baseUnixNs, window.fromUnixNs) - slackNs;
    const toNs = nanosBetween(baseUnixNs, window.toUnixNs) + slackNs;
    let firstNs = fromNs;
    let lastNs = toNs;
    for (let i = 0; i < wanted.length; i++) {
      if (wanted[i] === 0) continue;
      firstNs = Math.min(firstNs, steps.startNs.values[i]!);
      lastNs = Math.max(lastNs, steps.endNs.values[i]!);
    }
    // No step of a serving engine is longer; those that are restarted by number may seem so.
    const read = {
      fromUnixNs: addNanos(baseUnixNs, Math.floor(Math.max(0, firstNs, fromNs - MARGIN_NS))),
      toUnixNs: addNanos(baseUnixNs, Math.ceil(Math.min(lastNs, toNs + MARGIN_NS)) + 1),
    };
    for await (const table of this.#reader.scanEvents({ deployment, window: read })) {
      const shiftNs = nanosBetween(baseUnixNs, table.baseUnixNs);
      const rows = new Uint32Array(table.length);
      let length = 0;
      for (let row = 0; row < table.length; row++) {
        const step = table.step[row]!;
        const startNs = table.startNs[row]! + shiftNs;
        const takes =
          step === ABSENT
            ? startNs <= toNs && startNs + table.durationNs[row]! >= fromNs
            : wanted[steps.find(table.domain[row]!, step)]! > 0;
        if (takes) rows[length++] = row;
      }
      if (length === table.length) yield table;
      else if (length > 0) yield selectRows(table, rows.subarray(0, length));
    }
  }
}

function planParts(survey: ExportSurvey, window: TimeWindow, partEvents: number): PartPlan[] {
  const { counts, binNs } = survey;
  const edges: UnixNanos[] = [];
  let events = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (events > 0 && events + counts[bin]! > partEvents) {
      edges.push(addNanos(window.fromUnixNs, bin * binNs));
      events = 0;
    }
    events += counts[bin]!;
  }
  return Array.from({ length: edges.length + 1 }, (_, i) => {
    const from = edges[i - 1];
    const to = edges[i];
    return {
      own: {
        ...(from === undefined ? {} : { fromUnixNs: from }),
        ...(to === undefined ? {} : { toUnixNs: to }),
      },
      touched: {
        fromUnixNs: from ?? window.fromUnixNs,
        toUnixNs: to ?? unixNanos(window.toUnixNs),
      },
    };
  });
}

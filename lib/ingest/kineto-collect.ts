/**
 * What is kept of a trace while it is read: GPU work, the CPU calls that launched it, and ranges whose
 * names may tell a step, a layer or a micro-batch. Everything else is counted.
 */

import { type ChromeEvent, Phase } from '#lib/wire/chrome-event.ts';
import { type ChromeSink, Want } from '#lib/wire/chrome-events.ts';
import { ChromeFlows } from '#lib/wire/chrome-flows.ts';
import { ChromePairs, type Slices } from '#lib/wire/chrome-pairs.ts';
import { ChromeScanner } from '#lib/wire/chrome-scanner.ts';
import { ChromeTime, readInteger } from '#lib/wire/chrome-time.ts';
import { RowKind, TraceRows } from './kineto-columns.ts';
import { deviceOf, KinetoPlaces } from './kineto-places.ts';

/** What a category of complete events is to us. */
const Use = {
  kernel: 0,
  memcpy: 1,
  memset: 2,
  launch: 3,
  gpuRange: 4,
  cpuRange: 5,
  other: 6,
} as const;

const USES: Readonly<Record<string, number>> = {
  kernel: Use.kernel,
  Kernel: Use.kernel,
  gpu_memcpy: Use.memcpy,
  Memcpy: Use.memcpy,
  gpu_memset: Use.memset,
  Memset: Use.memset,
  cuda_runtime: Use.launch,
  cuda_driver: Use.launch,
  Runtime: Use.launch,
  hip_runtime: Use.launch,
  hip_runtime_api: Use.launch,
  gpu_user_annotation: Use.gpuRange,
  user_annotation: Use.cpuRange,
};

/** Top-level members that say something. */
const MEMBERS = new Set([
  'baseTimeNanoseconds',
  'distributedInfo',
  'deviceProperties',
  'resourceSpans',
  'resourceMetrics',
  'resourceLogs',
]);
/** Offsets from the first event stay exact, with room for durations. */
const MAX_OFFSET_US = 2 ** 52 / 1000;

export class KinetoCollector implements ChromeSink {
  readonly gpu = new TraceRows();
  readonly launches = new TraceRows();
  readonly cpuRanges = new TraceRows();
  readonly gpuRanges = new TraceRows();
  readonly members = new Map<string, string>();
  readonly wantedMembers: ReadonlySet<string> = MEMBERS;
  /** By category id. */
  readonly #flows: (ChromeFlows | undefined)[] = [];
  readonly #pairs = new ChromePairs();
  readonly #places = new KinetoPlaces();
  readonly #time = new ChromeTime();
  /** Whether a name is that of a step, layer, micro-batch or stage. */
  readonly #isAnnotation: (name: string) => boolean;
  /** `Use` by category id. */
  readonly #uses: number[] = [];
  /** Microseconds of the first event that has a time; all offsets are from there. */
  baseUs = Number.NaN;
  /** GPU events and ranges without a time or a duration that can be read. */
  badTimes = 0;
  /** Pairs that were made of begin and end events; set by `finish`. */
  pairs: Slices | null = null;
  #decided = 0;
  readonly #rangeNames = new Map<number, boolean>();
  /** The last field: it asks about the category "" at once. */
  readonly scanner: ChromeScanner = new ChromeScanner(this);

  constructor(isAnnotation: (name: string) => boolean) {
    this.#isAnnotation = isAnnotation;
  }

  wants(category: string): number {
    const use = USES[category] ?? Use.other;
    this.#uses[this.#decided++] = use;
    return use >= Use.gpuRange ? Want.named : Want.all;
  }

  wantsName(name: string): boolean {
    return this.#isAnnotation(name);
  }

  member(key: string, json: string): void {
    this.members.set(key, json);
  }

  event(event: ChromeEvent): void {
    switch (event.phase) {
      case Phase.complete:
        this.#complete(event);
        break;
      case Phase.begin:
        this.#pair(event, false, this.#places.of(event));
        break;
      case Phase.end:
        this.#pair(event, true, this.#places.of(event));
        break;
      case Phase.asyncBegin:
      case Phase.asyncEnd:
        if (event.idStart >= 0) {
          this.#pair(event, event.phase === Phase.asyncEnd, this.#places.async(event));
        }
        break;
      case Phase.flowStart:
      case Phase.flowEnd:
        this.#flow(event);
        break;
      default:
        break;
    }
  }

  /** Begin and end events become slices; to be called once, when all has been read. */
  finish(): void {
    if (this.#pairs.length === 0) return;
    const slices = this.#pairs.slices();
    this.pairs = slices;
    for (let i = 0; i < slices.length; i++) {
      const name = slices.name[i]!;
      const extra = slices.extra[i]!;
      const correlation = Math.floor(extra / 65_536) - 1;
      this.#row(
        this.#uses[slices.category[i]!]!,
        slices.startNs[i]!,
        slices.durationNs[i]!,
        correlation,
        name,
        slices.track[i]!,
        extra - (correlation + 1) * 65_536,
      );
    }
  }

  /** Gives back what the table was made of; counts stay. */
  release(): void {
    for (const rows of [this.gpu, this.launches, this.cpuRanges, this.gpuRanges]) rows.release();
  }

  /** Ids of flows that have one end only, by category. */
  danglingFlows(): { category: string; withoutEnd: number; withoutStart: number }[] {
    return this.#flows.flatMap((flows, id) =>
      flows === undefined
        ? []
        : [{ category: this.scanner.events.categories.text(id), ...flows.dangling() }],
    );
  }

  #complete(event: ChromeEvent): void {
    const use = this.#uses[event.category]!;
    const startNs = this.#start(event);
    const durationNs = use === Use.launch ? 0 : this.#duration(event);
    if (Number.isNaN(startNs) || Number.isNaN(durationNs)) {
      this.badTimes++;
      return;
    }
    const place = this.#places.of(event);
    const correlation = event.correlation >= 0 ? event.correlation : -1;
    const device = use <= Use.memset ? deviceOf(event.device, this.#places.process) : 0;
    this.#row(use, startNs, durationNs, correlation, event.name, place, device);
  }

  #row(
    use: number,
    startNs: number,
    durationNs: number,
    correlation: number,
    name: number,
    place: number,
    device: number,
  ): void {
    if (use <= Use.memset) {
      const kind =
        use === Use.kernel ? RowKind.kernel : use === Use.memcpy ? RowKind.memcpy : RowKind.memset;
      this.gpu.add(startNs, durationNs, correlation, name, place, device, kind);
    } else if (use === Use.launch) {
      if (correlation >= 0) this.launches.add(startNs, 0, correlation, name, place, 0, 0);
    } else if (name >= 0 && this.#isRange(name)) {
      const ranges = use === Use.gpuRange ? this.gpuRanges : this.cpuRanges;
      ranges.add(startNs, durationNs, -1, name, place, 0, 0);
    }
  }

  #isRange(name: number): boolean {
    const known =
      this.#rangeNames.get(name) ?? this.#isAnnotation(this.scanner.events.names.text(name));
    this.#rangeNames.set(name, known);
    return known;
  }

  #pair(event: ChromeEvent, isEnd: boolean, place: number): void {
    const startNs = this.#start(event);
    if (Number.isNaN(startNs)) {
      this.badTimes++;
      return;
    }
    // Of a begin event, what a row will need besides: both numbers in one.
    const correlation = event.correlation >= 0 ? Math.min(event.correlation, 2 ** 36) : -1;
    const extra = (correlation + 1) * 65_536 + deviceOf(event.device, this.#places.process);
    this.#pairs.add(isEnd, place, event.name, event.category, startNs, extra);
  }

  #flow(event: ChromeEvent): void {
    if (event.idStart < 0) return;
    const flows = this.#flows[event.category] ?? new ChromeFlows();
    this.#flows[event.category] = flows;
    const id = readInteger(event.bytes, event.idStart, event.idEnd);
    const isStart = event.phase === Phase.flowStart;
    if (id >= 0) flows.add(id, isStart);
    else flows.addText(event.raw(event.idStart, event.idEnd), isStart);
  }

  /** Nanoseconds from the base; NaN where it cannot be read. */
  #start(event: ChromeEvent): number {
    const time = this.#time;
    if (event.timeStart < 0 || !time.read(event.bytes, event.timeStart, event.timeEnd)) {
      return Number.NaN;
    }
    if (Number.isNaN(this.baseUs)) this.baseUs = time.us;
    const offsetUs = time.us - this.baseUs;
    return Math.abs(offsetUs) > MAX_OFFSET_US ? Number.NaN : offsetUs * 1000 + time.ns;
  }

  #duration(event: ChromeEvent): number {
    const time = this.#time;
    if (
      event.durationStart < 0 ||
      !time.read(event.bytes, event.durationStart, event.durationEnd) ||
      time.us < 0 ||
      time.us > MAX_OFFSET_US
    ) {
      return Number.NaN;
    }
    return time.us * 1000 + time.ns;
  }
}

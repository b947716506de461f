/**
 * Samples as rows of the log: one a minute and deployment, so that a restart, a preview and a baseline
 * see what evaluation saw. A row holds columns by series, compressed: 12 looks at 32 workers and 61 layers
 * are a few kilobytes instead of hundreds.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { labelsKey } from '#lib/alert/alert-id.ts';
import type { Sample, SampleSet } from '#lib/alert/sample.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { LogEntry } from '#lib/store/state-store.ts';

const MINUTE_MS = 60_000;
/** Noise of a measured figure is far above. */
const DIGITS = 6;
/** A damaged row must not be unpacked into memory without end. */
const MAX_TEXT_BYTES = 64 << 20;

const texts = z.record(z.string(), z.string());
const rowSchema = z.object({
  deployment: z.string(),
  /** When it was looked, from the row's minute on. */
  looksMs: z.array(z.number()),
  series: z.array(
    z.object({
      metric: z.string(),
      labels: texts,
      facts: texts.optional(),
      /** By sample: index of its look, its own time from the look's, value, weight (absent: all 1). */
      look: z.array(z.number()),
      agoMs: z.array(z.number()),
      value: z.array(z.number()),
      weight: z.array(z.number()).optional(),
    }),
  ),
});
type Row = z.infer<typeof rowSchema>;

/** The minute that a look belongs to. */
export function minuteOf(atUnixMs: number): number {
  return Math.floor(atUnixMs / MINUTE_MS) * MINUTE_MS;
}

/** Looks of one deployment in one minute. `part` tells rows of two processes apart. */
export function sampleRow(
  sets: readonly SampleSet[],
  minuteUnixMs: number,
  part: string,
): LogEntry {
  const minute = new SampleMinute(sets[0]?.deployment ?? '', minuteUnixMs);
  for (const set of sets) minute.add(set);
  return minute.row(part);
}

/** A row as it grows: columns of numbers from the first look on, so that no samples are held for a minute. */
export class SampleMinute {
  readonly deployment: string;
  readonly minuteUnixMs: number;
  readonly #looksMs: number[] = [];
  readonly #series = new Map<string, Row['series'][number] & { weight: number[] }>();

  constructor(deployment: string, minuteUnixMs: number) {
    this.deployment = deployment;
    this.minuteUnixMs = minuteUnixMs;
  }

  /** No look had a sample so far. */
  get isEmpty(): boolean {
    return this.#series.size === 0;
  }

  get newestLookUnixMs(): number {
    return this.minuteUnixMs + (this.#looksMs.at(-1) ?? Number.NEGATIVE_INFINITY);
  }

  add(set: SampleSet): void {
    const index = this.#looksMs.length;
    this.#looksMs.push(set.atUnixMs - this.minuteUnixMs);
    for (const sample of set.samples) {
      const key = `${sample.metric} ${labelsKey(sample.labels)}`;
      let own = this.#series.get(key);
      if (own === undefined) {
        const { metric, labels } = sample;
        own = { metric, labels: { ...labels }, look: [], agoMs: [], value: [], weight: [] };
        this.#series.set(key, own);
      }
      own.look.push(index);
      own.agoMs.push(Math.round((set.atUnixMs - sample.atUnixMs) * 1000) / 1000);
      own.value.push(Number(sample.value.toPrecision(DIGITS)));
      own.weight.push(Number(sample.weight.toPrecision(DIGITS)));
      if (sample.facts !== undefined) own.facts = { ...sample.facts };
    }
  }

  /** Packs it as it is now: some milliseconds. */
  row(part: string): LogEntry {
    const row: Row = {
      deployment: this.deployment,
      looksMs: this.#looksMs,
      series: [...this.#series.values()].map(({ weight, ...rest }) =>
        weight.every((one) => one === 1) ? rest : { ...rest, weight },
      ),
    };
    return {
      topic: 'sample',
      subject: this.deployment,
      deployment: this.deployment,
      atUnixNs: unixNanosFromMs(this.minuteUnixMs),
      part,
      detail: zstdCompressSync(JSON.stringify(row)).toString('base64'),
    };
  }
}

/** The looks of a row, in their order; none where it cannot be read: another version wrote it. */
export function setsOfRow({
  atUnixNs,
  detail,
}: Pick<LogEntry, 'atUnixNs' | 'detail'>): SampleSet[] {
  const minuteUnixMs = Number(atUnixNs / 1_000_000n);
  const row = parsedRow(detail);
  if (row === null) return [];
  const samples: Sample[][] = row.looksMs.map(() => []);
  for (const { metric, labels, facts, look, agoMs, value, weight } of row.series) {
    look.forEach((index, i) => {
      const lookMs = row.looksMs[index];
      if (lookMs === undefined) return;
      samples[index]!.push({
        metric,
        labels,
        atUnixMs: minuteUnixMs + lookMs - (agoMs[i] ?? 0),
        value: value[i] ?? 0,
        weight: weight?.[i] ?? 1,
        ...(facts === undefined ? {} : { facts }),
      });
    });
  }
  return row.looksMs.map((lookMs, i) => ({
    deployment: row.deployment,
    atUnixMs: minuteUnixMs + lookMs,
    samples: samples[i]!,
  }));
}

function parsedRow(detail: string): Row | null {
  try {
    const json = zstdDecompressSync(Buffer.from(detail, 'base64'), {
      maxOutputLength: MAX_TEXT_BYTES,
    });
    return rowSchema.safeParse(JSON.parse(json.toString())).data ?? null;
  } catch {
    return null;
  }
}

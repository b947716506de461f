/**
 * Packed steps of a cluster of any size, rewritten in place before each sending: ranks, base times,
 * step numbers, and the noise of every duration, so that no two payloads are alike and no store can
 * profit from what it saw before. A body is what one worker did in about a second: 20 steps.
 *
 * The shape of a step comes from one simulated 8A4F cluster; larger ones are replicas of it that work
 * in lock-step. Duration residuals are overwritten with uniform noise of their full width, which
 * compresses worse than what they were.
 */
import { crc32 } from 'node:zlib';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { PackedCursor } from '#lib/wire/packed-steps-column.ts';
import {
  CHECKED_FROM,
  COLUMN_COUNT,
  CRC_AT,
  DELTA,
  FIRST_LIST_COLUMN,
  HEADER_BYTES,
  LAYER_COLUMN,
  PATCHED,
  SCALE_DOUBLES,
  WIDTH_MASK,
} from '#lib/wire/packed-steps-format.ts';
import type { OtlpAttribute } from './otlp-encode.ts';
import { packedRequest, packStep, rowsByStep } from './packed-spans.ts';

/** Steps are written as varints of four bytes, so they must stay in their range. */
const FIRST_STEP = 2 ** 21;
const LAST_STEP = 2 ** 28 - 2;
const STEPS_PER_BODY = 20;
/** Two bytes of varint, and a text that is found again. */
const RANK_MARK = 16_383;
const TEXT_MARK = '@@@@';
const MAX_RANK = 9_999;

interface PayloadPlaces {
  readonly start: number;
  readonly end: number;
  /** The base of the template, after the template's first start. */
  readonly offsetNs: bigint;
  readonly step: number;
  /** Pairs: from and to of residuals that may hold anything. */
  readonly noise: readonly number[];
}

export interface Template {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly events: number;
  readonly role: 'attention' | 'ffn';
  readonly rank: number;
  readonly rankTexts: readonly number[];
  readonly rankVarint: number;
  readonly payloads: readonly PayloadPlaces[];
}

export interface PackedCluster {
  readonly workers: number;
  readonly eventsPerSecond: number;
  /** What a body covers. */
  readonly bodyNs: number;
}

export interface PackedTemplates {
  readonly templates: readonly Template[];
  readonly attention: number;
  readonly ffn: number;
  /** From the first start of a body to that of the next one. */
  readonly bodyNs: number;
}

/** Simulates and packs, which takes a second. */
export function packedTemplates(deployment: string): PackedTemplates {
  const spec = scenarioSpec('healthy');
  const table = simulateSteps({ ...spec, deployment }, { steps: STEPS_PER_BODY });
  for (let row = 0; row < table.length; row++) table.step[row]! += FIRST_STEP;
  return {
    templates: templatesOf(table),
    attention: spec.attentionWorkers,
    ffn: spec.ffnWorkers,
    bodyNs: spanNs(table),
  };
}

/** The bodies of one sending slot; another slot needs its own, since they are rewritten in place. */
export class PatchedPacked {
  readonly templates: readonly Template[];
  readonly bodyNs: number;
  readonly #attention: number;
  readonly #ffn: number;
  #noise: number;

  constructor({ templates, attention, ffn, bodyNs }: PackedTemplates, seed: number) {
    this.templates = templates.map((one) => ({ ...one, body: one.body.slice() }));
    this.#attention = attention;
    this.#ffn = ffn;
    this.#noise = (seed * 0x9e3779b1) | 1;
    this.bodyNs = bodyNs;
  }

  /** So many replicas as come nearest to the rate. */
  cluster(eventsPerSecond: number): PackedCluster & { readonly replicas: number } {
    const events = this.templates.reduce((sum, template) => sum + template.events, 0);
    const perReplica = (events * 1e9) / this.bodyNs;
    const replicas = Math.max(1, Math.round(eventsPerSecond / perReplica));
    const workers = replicas * this.templates.length;
    return { workers, eventsPerSecond: perReplica * replicas, bodyNs: this.bodyNs, replicas };
  }

  /**
   * The body of worker `worker` (0 to workers - 1) in its `round`-th second, which begins at the
   * instant; it stays as it is until the next call for a worker of the same template.
   */
  patch(worker: number, round: number, startUnixNs: bigint): { body: Uint8Array; events: number } {
    const template = this.templates[worker % this.templates.length]!;
    const replica = Math.floor(worker / this.templates.length);
    const perReplica = template.role === 'attention' ? this.#attention : this.#ffn;
    const rank = replica * perReplica + template.rank;
    if (rank > MAX_RANK) throw new RangeError(`no more than ${MAX_RANK} ranks`);
    const { body } = template;
    const text = String(rank).padStart(TEXT_MARK.length, '0');
    for (const at of template.rankTexts) {
      for (let i = 0; i < text.length; i++) body[at + i] = text.charCodeAt(i);
    }
    body[template.rankVarint] = (rank & 127) | 128;
    body[template.rankVarint + 1] = rank >>> 7;
    const view = new DataView(body.buffer);
    for (const payload of template.payloads) {
      const step = FIRST_STEP + round * STEPS_PER_BODY + payload.step;
      if (step > LAST_STEP) throw new RangeError('no more step numbers');
      this.#patchPayload(body, view, payload, startUnixNs + payload.offsetNs, step + 1);
    }
    return { body, events: template.events };
  }

  #patchPayload(
    body: Uint8Array,
    view: DataView,
    { start, end, noise }: PayloadPlaces,
    baseUnixNs: bigint,
    stepField: number,
  ): void {
    view.setBigUint64(start + CHECKED_FROM, baseUnixNs, true);
    body[start + HEADER_BYTES] = (stepField & 127) | 128;
    body[start + HEADER_BYTES + 1] = ((stepField >>> 7) & 127) | 128;
    body[start + HEADER_BYTES + 2] = ((stepField >>> 14) & 127) | 128;
    body[start + HEADER_BYTES + 3] = stepField >>> 21;
    let random = this.#noise;
    for (let i = 0; i < noise.length; i += 2) {
      const to = noise[i + 1]! - 4;
      for (let at = noise[i]!; at <= to; at += 4) {
        random ^= random << 13;
        random ^= random >>> 17;
        random ^= random << 5;
        view.setInt32(at, random, true);
      }
    }
    this.#noise = random;
    view.setUint32(start + CRC_AT, crc32(body.subarray(start + CHECKED_FROM, end)), true);
  }
}

function spanNs(table: EventTable): number {
  let last = 0;
  for (let i = 0; i < table.length; i++) {
    last = Math.max(last, table.startNs[i]! + table.durationNs[i]!);
  }
  // A millisecond between the last step of a body and the first of the next.
  return Math.ceil(last / 1e6) * 1e6 + 1e6;
}

function templatesOf(table: EventTable): Template[] {
  const steps = Map.groupBy(rowsByStep(table), (rows) => table.worker[rows[0]!]!);
  return [...steps].map(([index, ofWorker]) => {
    const worker = table.workers[index]!;
    const attention = worker.role === 'attention';
    const resource: OtlpAttribute[] = [
      ['service.name', 'engine'],
      ['service.instance.id', `${worker.role}-${TEXT_MARK}`],
      ['host.name', `node-${worker.role}-${TEXT_MARK}`],
      ['hw.id', `GPU-${worker.role}-${TEXT_MARK}`],
      ['afd.deployment', worker.deployment],
      ['afd.role', worker.role],
      ['afd.rank', RANK_MARK],
      ['afd.incarnation', 'bench'],
      ['afd.clock.domain', 'bench'],
      ['afd.microbatches', worker.microbatches],
      ['afd.layers', worker.layers],
      ['afd.send_end', worker.sendEnd],
      ['gen_ai.request.model', worker.model],
    ];
    const payloads = ofWorker.map((rows) => packStep(table, rows));
    const body = new Uint8Array(Buffer.from(packedRequest([{ resource, payloads }])));
    const bytes = Buffer.from(body.buffer);
    const rankKey = bytes.indexOf('afd.rank') + 'afd.rank'.length;
    return {
      body,
      events: ofWorker.reduce((sum, rows) => sum + rows.length, 0),
      role: attention ? 'attention' : 'ffn',
      rank: worker.rank,
      rankTexts: placesOf(bytes, TEXT_MARK),
      rankVarint: bytes.indexOf(Buffer.of(0x18, 0xff, 0x7f), rankKey) + 1,
      payloads: payloads.map((payload, step) => {
        const start = bytes.indexOf(payload);
        const end = start + payload.length;
        const base = new DataView(body.buffer).getBigUint64(start + CHECKED_FROM, true);
        const offsetNs = base - table.baseUnixNs;
        return { start, end, offsetNs, step, noise: freeResiduals(body, start, end) };
      }),
    };
  });
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}

/** Where the residuals of durations lie that do not add up (docs/packed-steps.md). */
function freeResiduals(body: Uint8Array, start: number, end: number): number[] {
  const cursor = new PackedCursor();
  cursor.bytes = body;
  cursor.view = new DataView(body.buffer);
  cursor.pos = start + HEADER_BYTES;
  cursor.end = end;
  const free: number[] = [];
  cursor.varint();
  cursor.varint();
  const names = cursor.varint();
  for (let i = 0; i < names; i++) cursor.skip(cursor.varint());
  const series = cursor.varint();
  for (let s = 0; s < series; s++) {
    cursor.varint();
    cursor.byte();
    for (let field = 0; field < 3; field++) cursor.varint();
    const rows = cursor.varint();
    const mask = cursor.varint();
    const durations = skipColumn(cursor, rows);
    // Not where a width of 53 bits or a single row could make an hour of a millisecond.
    if (!durations.delta && durations.width <= 20) free.push(durations.from, durations.to);
    if (cursor.varint() > 0) cursor.zigzag();
    skipColumn(cursor, rows);
    if ((mask & (1 << LAYER_COLUMN)) !== 0) skipColumn(cursor, rows);
    for (let c = LAYER_COLUMN + 1; c < FIRST_LIST_COLUMN; c++) {
      if ((mask & (1 << c)) === 0) continue;
      if (cursor.byte() === SCALE_DOUBLES) cursor.skip(rows * 8);
      else skipColumn(cursor, rows);
    }
    if (mask >>> FIRST_LIST_COLUMN !== 0 && mask < 1 << COLUMN_COUNT) {
      throw new Error('templates have no lists');
    }
  }
  return free;
}

function skipColumn(
  cursor: PackedCursor,
  count: number,
): { from: number; to: number; width: number; delta: boolean } {
  const form = cursor.byte();
  const width = form & WIDTH_MASK;
  const delta = (form & DELTA) !== 0;
  cursor.zigzag();
  if (delta) cursor.zigzag();
  const from = cursor.skip(Math.ceil((count * width) / 8));
  const to = cursor.pos;
  if ((form & PATCHED) !== 0) {
    const patches = cursor.varint();
    for (let i = 0; i < patches; i++) {
      cursor.varint();
      cursor.zigzag();
    }
  }
  return { from, to, width, delta };
}

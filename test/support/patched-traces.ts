/**
 * A trace request whose ids, steps and times are rewritten in place before each sending, so that a
 * benchmark's sender costs next to nothing and yet never sends the same span twice.
 */
import { STAGES, Stage } from '#lib/table/codes.ts';
import { ByteWriter } from './byte-writer.ts';
import { type OtlpAttribute, writeAttribute } from './otlp-encode.ts';

export interface PatchedTracesSpec {
  readonly attentionWorkers: number;
  readonly ffnWorkers: number;
  readonly spans: number;
  readonly microbatches: number;
  readonly deployment: string;
  /** Ranks begin after those of so many clusters of this size; default 0. */
  readonly firstReplica?: number;
  /** Data-parallel domain; default 0. */
  readonly domain?: number;
}

/** Where the moving parts of one span lie in the body. */
interface SpanPlaces {
  readonly traceId: number;
  readonly spanId: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  /** From the start of the body's step, and the span's own. */
  readonly offsetNs: number;
  readonly durationNs: number;
}

/** Steps are written as varints of four bytes, so they must stay in their range. */
const FIRST_STEP = 1 << 21;
const LAST_STEP = 2 ** 28 - 1;
const STEP_NS = 50_000_000n;

const ATTENTION_STAGES = [Stage.attention, Stage.a2f_send, Stage.f2a_recv, Stage.combine];
const FFN_STAGES = [Stage.a2f_recv, Stage.expert, Stage.f2a_send];

export class PatchedTraces {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly spans: number;
  readonly #view: DataView;
  readonly #places: readonly SpanPlaces[];
  readonly #salt: number;

  constructor(spec: PatchedTracesSpec) {
    const workers = spec.attentionWorkers + spec.ffnWorkers;
    this.#salt = (spec.firstReplica ?? 0) * 1_000_003;
    const perWorker = Math.ceil(spec.spans / workers);
    const request = new ByteWriter();
    const drafts: SpanPlaces[] = [];
    for (let worker = 0; worker < workers; worker++) {
      const attention = worker < spec.attentionWorkers;
      const rank = attention ? worker : worker - spec.attentionWorkers;
      const perReplica = attention ? spec.attentionWorkers : spec.ffnWorkers;
      const globalRank = (spec.firstReplica ?? 0) * perReplica + rank;
      const count = Math.min(perWorker, spec.spans - worker * perWorker);
      request.messageField(1, (resourceSpans) => {
        resourceSpans.messageField(1, (resource) => {
          for (const pair of resourceOf(spec, attention, globalRank))
            writeAttribute(resource, 1, pair);
        });
        resourceSpans.messageField(2, (scopeSpans) => {
          scopeSpans.messageField(1, (scope) => scope.stringField(1, 'afdscope-bench'));
          for (let i = 0; i < count; i++) {
            const { bytes, places } = spanOf(drafts.length, i, attention, spec.microbatches);
            drafts.push(places);
            scopeSpans.bytesField(2, bytes);
          }
        });
      });
    }
    const bytes = Buffer.from(request.finish());
    this.body = new Uint8Array(bytes);
    this.#view = new DataView(this.body.buffer);
    this.spans = drafts.length;
    let from = 0;
    this.#places = drafts.map((draft, i) => {
      const at = bytes.indexOf(markerOf(i), from);
      if (at === -1) throw new Error(`span ${i} was not found in the body`);
      from = at;
      return {
        ...draft,
        traceId: at,
        spanId: at + draft.spanId,
        start: at + draft.start,
        end: at + draft.end,
        step: at + draft.step,
      };
    });
  }

  /** Makes the body the `sequence`-th of its sender, whose steps begin at `startUnixNs`. */
  patch(sequence: number, startUnixNs: bigint): void {
    this.patchAt(sequence, startUnixNs + BigInt(sequence) * STEP_NS);
  }

  /** The same, the body's own step beginning at the instant. */
  patchAt(sequence: number, baseNs: bigint): void {
    const step = FIRST_STEP + sequence;
    if (step > LAST_STEP) throw new RangeError(`no more than ${LAST_STEP - FIRST_STEP} bodies`);
    const base = Number(baseNs & 0xffff_ffffn);
    const high = Number(baseNs >> 32n);
    const view = this.#view;
    const { body } = this;
    for (let i = 0; i < this.#places.length; i++) {
      const place = this.#places[i]!;
      view.setUint32(place.traceId, sequence, true);
      view.setUint32(place.traceId + 8, Math.imul(sequence + 1, 0x9e3779b1) ^ i, true);
      view.setUint32(place.spanId, Math.imul(sequence, 0x85ebca6b) + i, true);
      view.setUint32(place.spanId + 4, i, true);
      // Jitter of up to 4 µs on 60 µs, and of up to 1 µs on the start: what a store must keep.
      const random = Math.imul((sequence + this.#salt) * 2017 + i, 0x9e3779b1);
      const mixed = Math.imul(random ^ (random >>> 15), 0x85ebca6b) >>> 0;
      const startNs = base + place.offsetNs + (mixed & 1023);
      setTime(view, place.start, high, startNs);
      setTime(view, place.end, high, startNs + place.durationNs + (mixed >>> 20));
      body[place.step] = (step & 127) | 128;
      body[place.step + 1] = ((step >>> 7) & 127) | 128;
      body[place.step + 2] = ((step >>> 14) & 127) | 128;
      body[place.step + 3] = step >>> 21;
    }
  }
}

function setTime(view: DataView, at: number, high: number, lowNs: number): void {
  const carry = Math.floor(lowNs / 2 ** 32);
  view.setUint32(at, lowNs - carry * 2 ** 32, true);
  view.setUint32(at + 4, high + carry, true);
}

function resourceOf(spec: PatchedTracesSpec, attention: boolean, rank: number): OtlpAttribute[] {
  const role = attention ? 'attention' : 'ffn';
  return [
    ['service.name', 'engine'],
    ['service.instance.id', `${role}-${rank}`],
    ['host.name', `node-${rank >> 3}`],
    ['hw.id', `GPU-${role}-${rank}`],
    ['afd.deployment', spec.deployment],
    ['afd.role', role],
    ['afd.rank', rank],
    ['afd.topology', `${spec.attentionWorkers}A${spec.ffnWorkers}F`],
    ['afd.microbatches', spec.microbatches],
    ...(spec.domain === undefined ? [] : [['afd.domain', spec.domain] as const]),
  ];
}

/** Sixteen bytes that nothing else in a body looks like; they become the trace id. */
function markerOf(index: number): string {
  return `@${index}`.padEnd(16, '#');
}

/** Places are relative to the trace id's first byte. */
function spanOf(
  index: number,
  indexInWorker: number,
  attention: boolean,
  microbatches: number,
): { bytes: Uint8Array; places: SpanPlaces } {
  const stages = attention ? ATTENTION_STAGES : FFN_STAGES;
  const stage = stages[indexInWorker % stages.length]!;
  const unit = Math.floor(indexInWorker / stages.length);
  const microbatch = unit % microbatches;
  const layer = Math.floor(unit / microbatches);
  const durationNs = 60_000 + ((index * 7919) % 9000);
  const offsetNs = unit * 270_000 + (indexInWorker % stages.length) * 70_000 + (index % 997);
  const out = new ByteWriter();
  out.stringField(1, markerOf(index));
  const traceId = out.length - 16;
  out.bytesField(2, new Uint8Array(8));
  const spanId = out.length - 8;
  out.stringField(5, STAGES[stage]!);
  out.varintField(6, 1);
  out.fixed64Field(7, 0n);
  const start = out.length - 8;
  out.fixed64Field(8, 0n);
  const end = out.length - 8;
  writeAttribute(out, 9, ['afd.step', FIRST_STEP]);
  const step = out.length - 4;
  writeAttribute(out, 9, ['afd.layer', layer]);
  writeAttribute(out, 9, ['afd.microbatch', microbatch]);
  writeAttribute(out, 9, ['afd.stage', STAGES[stage]!]);
  writeAttribute(out, 9, ['afd.tokens', 128 + (index % 5)]);
  writeAttribute(out, 9, ['afd.bytes', 917_504]);
  const places = {
    traceId: 0,
    spanId: spanId - traceId,
    start: start - traceId,
    end: end - traceId,
    step: step - traceId,
    offsetNs,
    durationNs,
  };
  return { bytes: out.finish(), places };
}

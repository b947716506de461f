/**
 * Events as OTLP JSON, one request a line, as the OpenTelemetry Collector's file exporter writes them:
 * the same columns come back when they are read (docs/schema.md), to the nanosecond.
 */
import { SPAN_ATTRIBUTES, SpanSlot } from '#lib/model/attributes.ts';
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { UnixNsText } from './instant-text.ts';
import { TextPieces } from './text-pieces.ts';

/** Spans of one request, which is one line: about two megabytes. */
const SPANS_PER_LINE = 4000;

const key = (slot: number): string => `{"key":"${SPAN_ATTRIBUTES[slot]!.key}","value":`;

/** Rows of `deployment` only. Times as they are in the tables. */
export async function* otlpJson(
  tables: AsyncIterable<EventTable>,
  deployment: string,
  version: string,
): AsyncGenerator<Uint8Array> {
  const out = new TextPieces();
  const scope = `{"scope":{"name":"afdscope.export","version":${JSON.stringify(version)}},"spans":[`;
  const writer = new SpanWriter();
  for await (const table of tables) {
    writer.startTable(table);
    let line = 0;
    let open = -1;
    for (let row = 0; row < table.length; row++) {
      const worker = table.worker[row]!;
      const info = table.workers[worker]!;
      if (info.deployment !== deployment) continue;
      if (line === SPANS_PER_LINE) {
        out.add(']}]}]}\n');
        line = 0;
        open = -1;
      }
      if (worker !== open) {
        out.add(open < 0 ? '{"resourceSpans":[' : ']}]},');
        out.add(`{"resource":${resourceJson(info)},"scopeSpans":[${scope}`);
        open = worker;
      } else {
        out.add(',');
      }
      out.add(writer.span(row));
      line++;
      if (out.isFull) yield out.take();
    }
    if (line > 0) out.add(']}]}]}\n');
  }
  yield out.take();
}

/** What a worker says about itself; what it does not know is left out. */
function resourceJson(worker: WorkerInfo): string {
  const texts: (readonly [string, string])[] = [
    ['service.name', worker.service],
    ['service.instance.id', worker.instanceId],
    ['host.name', worker.host],
    ['hw.id', worker.hwId],
    ['hw.model', worker.gpu ?? ''],
    ['afd.timing', worker.timing ?? ''],
    ['afd.deployment', worker.deployment],
    ['afd.role', worker.role],
    ['afd.group', worker.group],
    ['afd.incarnation', worker.incarnation],
    ['afd.clock.domain', worker.clockDomain],
    ['afd.send_end', worker.sendEnd === 'unknown' ? '' : worker.sendEnd],
    ['afd.send_mode', worker.sendMode === 'unknown' ? '' : worker.sendMode],
    ['afd.topology', worker.topology],
    ['afd.connector', worker.connector],
    ['gen_ai.request.model', worker.model],
  ];
  const numbers: (readonly [string, number])[] = [
    ['afd.rank', worker.rank],
    ['afd.domain', worker.domain],
    ['afd.microbatches', worker.microbatches],
    ['afd.layers', worker.layers],
  ];
  const attributes = [
    ...texts
      .filter(([, value]) => value !== '')
      .map(([name, value]) => ({ key: name, value: { stringValue: value } })),
    ...numbers.map(([name, value]) => ({ key: name, value: { intValue: String(value) } })),
  ];
  return JSON.stringify({ attributes });
}

class SpanWriter {
  #table: EventTable | null = null;
  #text: UnixNsText | null = null;
  /** What is the same for all rows of a stage, kind and phase. */
  #heads = new Map<number, { readonly name: string; readonly attributes: string }>();
  #spans = 0;

  startTable(table: EventTable): void {
    this.#table = table;
    this.#text = new UnixNsText(table.baseUnixNs);
    this.#heads = new Map();
  }

  span(row: number): string {
    const table = this.#table!;
    const unixNs = this.#text!;
    const head = this.#head(table.stage[row]!, table.kind[row]!, table.phase[row]!);
    const start = table.startNs[row]!;
    const step = table.step[row]!;
    // Ids are asked for by the format; no reader of ours keeps them. Neither may be all zeros.
    const traceId = (step + 2).toString(16).padStart(32, '0');
    const spanId = (++this.#spans).toString(16).padStart(16, '0');
    let text =
      `{"traceId":"${traceId}","spanId":"${spanId}","name":${head.name},"kind":1,` +
      `"startTimeUnixNano":"${unixNs.at(start)}",` +
      `"endTimeUnixNano":"${unixNs.at(start + table.durationNs[row]!)}",` +
      `"attributes":[${head.attributes}`;
    if (step !== ABSENT) text += `,${STEP}{"intValue":"${step}"}}`;
    if (table.layer[row] !== ABSENT) text += `,${LAYER}{"intValue":"${table.layer[row]}"}}`;
    if (table.microbatch[row] !== ABSENT) {
      text += `,${MICROBATCH}{"intValue":"${table.microbatch[row]}"}}`;
    }
    if (table.peer[row] !== ABSENT) text += `,${PEER}{"intValue":"${table.peer[row]}"}}`;
    if (table.domain[row] !== table.workers[table.worker[row]!]!.domain) {
      text += `,${DOMAIN}{"intValue":"${table.domain[row]}"}}`;
    }
    return `${text}${measuresJson(table, row)}${listsJson(table, row)}]}`;
  }

  #head(stage: number, kind: number, phase: number) {
    const code = (stage * 8 + kind) * 8 + phase;
    const known = this.#heads.get(code);
    if (known !== undefined) return known;
    const name = JSON.stringify(this.#table!.stageNames[stage]!);
    const head = {
      name,
      attributes:
        `${key(SpanSlot.stage)}{"stringValue":${name}}},` +
        `${key(SpanSlot.kind)}{"stringValue":"${KINDS[kind]!}"}}` +
        (phase === 0 ? '' : `,${key(SpanSlot.phase)}{"stringValue":"${PHASES[phase]!}"}}`),
    };
    this.#heads.set(code, head);
    return head;
  }
}

const STEP = key(SpanSlot.step);
const LAYER = key(SpanSlot.layer);
const MICROBATCH = key(SpanSlot.microbatch);
const PEER = key(SpanSlot.peer);
const DOMAIN = key(SpanSlot.domain);
const MEASURE_KEYS = MEASURES.map((_, i) => key(SpanSlot.firstMeasure + i));
const LIST_KEYS = LISTS.map((_, i) => key(SpanSlot.firstList + i));

function measuresJson(table: EventTable, row: number): string {
  let text = '';
  for (let i = 0; i < MEASURES.length; i++) {
    const value = table.measures[MEASURES[i]!]?.[row] ?? ABSENT;
    if (value === ABSENT) continue;
    text += Number.isSafeInteger(value)
      ? `,${MEASURE_KEYS[i]}{"intValue":"${value}"}}`
      : `,${MEASURE_KEYS[i]}{"doubleValue":${value}}}`;
  }
  return text;
}

function listsJson(table: EventTable, row: number): string {
  let text = '';
  for (let i = 0; i < LISTS.length; i++) {
    const list = table.lists[LISTS[i]!];
    if (list === null) continue;
    const from = list.offsets[row]!;
    const to = list.offsets[row + 1]!;
    if (from === to) continue;
    let values = '';
    for (let v = from; v < to; v++) {
      values += `${v === from ? '' : ','}{"intValue":"${list.values[v]}"}`;
    }
    text += `,${LIST_KEYS[i]}{"arrayValue":{"values":[${values}]}}}`;
  }
  return text;
}

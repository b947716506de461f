/**
 * Event tables as OTLP trace requests, protobuf and JSON: for round trips, tests of what reads
 * telemetry, and benchmark senders. One ResourceSpans per worker entry that has rows, rows in the
 * table's order; defaults that the schema fills in (layer -1, phase decode, …) are not written.
 */
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import {
  type EventTable,
  LISTS,
  type ListName,
  MEASURES,
  type Measure,
} from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { ByteWriter } from './byte-writer.ts';

export type OtlpValue = string | number | { readonly double: number } | readonly number[];
export type OtlpAttribute = readonly [key: string, value: OtlpValue];

export const MEASURE_KEYS: Readonly<Record<Measure, string>> = {
  tokens: 'afd.tokens',
  bytes: 'afd.bytes',
  flops: 'afd.flops',
  requests: 'afd.requests',
  contextTokens: 'afd.context_tokens',
  expertsActive: 'afd.experts.active',
  expertsMaxTokens: 'afd.experts.max_tokens',
  expertsMeanTokens: 'afd.experts.mean_tokens',
};
const LIST_KEYS: Readonly<Record<ListName, string>> = {
  peers: 'afd.peers',
  expertTokens: 'afd.expert_tokens',
};

/** The body of `POST /v1/traces` with `application/x-protobuf`. */
export function encodeTracesProtobuf(table: EventTable): Uint8Array {
  const request = new ByteWriter();
  for (const [worker, rows] of rowsByWorker(table)) {
    request.messageField(1, (resourceSpans) => {
      resourceSpans.messageField(1, (resource) => {
        for (const attribute of resourceAttributes(worker)) writeAttribute(resource, 1, attribute);
      });
      resourceSpans.messageField(2, (scopeSpans) => {
        scopeSpans.messageField(1, (scope) => scope.stringField(1, 'afdscope-test'));
        for (const row of rows) scopeSpans.messageField(2, (span) => writeSpan(span, table, row));
      });
    });
  }
  return request.finish();
}

/** The body of `POST /v1/traces` with `application/json`. */
export function encodeTracesJson(table: EventTable): string {
  return JSON.stringify({
    resourceSpans: rowsByWorker(table).map(([worker, rows]) => ({
      resource: { attributes: resourceAttributes(worker).map(jsonAttribute) },
      scopeSpans: [
        {
          scope: { name: 'afdscope-test' },
          spans: rows.map((row) => ({
            traceId: hex(traceId(table, row)),
            spanId: hex(spanId(row)),
            name: table.stageNames[table.stage[row]!],
            kind: 1,
            startTimeUnixNano: startUnixNs(table, row).toString(),
            endTimeUnixNano: endUnixNs(table, row).toString(),
            attributes: spanAttributes(table, row).map(jsonAttribute),
          })),
        },
      ],
    })),
  });
}

/** What a worker says about itself; unknown ('' or 0) facts are left out. */
export function resourceAttributes(worker: WorkerInfo): OtlpAttribute[] {
  const attributes: OtlpAttribute[] = [
    ['afd.deployment', worker.deployment],
    ['afd.role', worker.role],
    ['afd.group', worker.group],
    ['afd.rank', worker.rank],
    ['afd.domain', worker.domain],
    ['afd.incarnation', worker.incarnation],
    ['service.name', worker.service],
    ['service.instance.id', worker.instanceId],
    ['host.name', worker.host],
    ['hw.id', worker.hwId],
    ['afd.clock.domain', worker.clockDomain],
    ['afd.topology', worker.topology],
    ['afd.microbatches', worker.microbatches],
    ['afd.layers', worker.layers],
    ['afd.connector', worker.connector],
    ['gen_ai.request.model', worker.model],
    ['afd.send_end', worker.sendEnd],
    ['afd.send_mode', worker.sendMode],
  ];
  return attributes.filter(
    ([key, value]) =>
      value !== '' &&
      value !== 'unknown' &&
      !(value === 0 && (key === 'afd.microbatches' || key === 'afd.layers')),
  );
}

export function spanAttributes(table: EventTable, row: number): OtlpAttribute[] {
  const attributes: OtlpAttribute[] = [];
  const add = (key: string, value: number) => {
    if (value !== ABSENT) attributes.push([key, value]);
  };
  add('afd.step', table.step[row]!);
  add('afd.layer', table.layer[row]!);
  add('afd.microbatch', table.microbatch[row]!);
  attributes.push(['afd.stage', table.stageNames[table.stage[row]!]!]);
  attributes.push(['afd.kind', KINDS[table.kind[row]!]!]);
  add('afd.peer', table.peer[row]!);
  const domain = table.domain[row]!;
  if (domain !== table.workers[table.worker[row]!]!.domain) attributes.push(['afd.domain', domain]);
  if (table.phase[row] !== 0) attributes.push(['afd.phase', PHASES[table.phase[row]!]!]);
  for (const name of MEASURES) {
    const value = table.measures[name]?.[row] ?? ABSENT;
    if (value === ABSENT) continue;
    attributes.push([MEASURE_KEYS[name], Number.isInteger(value) ? value : { double: value }]);
  }
  for (const name of LISTS) {
    const list = table.lists[name];
    if (list === null) continue;
    const values = list.values.subarray(list.offsets[row], list.offsets[row + 1]);
    if (values.length > 0) attributes.push([LIST_KEYS[name], [...values]]);
  }
  return attributes;
}

/** A KeyValue as field `field`. */
export function writeAttribute(out: ByteWriter, field: number, [key, value]: OtlpAttribute): void {
  out.messageField(field, (pair) => {
    pair.stringField(1, key);
    pair.messageField(2, (any) => {
      if (typeof value === 'string') any.stringField(1, value);
      else if (typeof value === 'number') any.varintField(3, value);
      else if ('double' in value) any.doubleField(4, value.double);
      else {
        any.messageField(5, (array) => {
          for (const item of value) array.messageField(1, (one) => one.varintField(3, item));
        });
      }
    });
  });
}

export function jsonAttribute([key, value]: OtlpAttribute): { key: string; value: object } {
  if (typeof value === 'string') return { key, value: { stringValue: value } };
  if (typeof value === 'number') return { key, value: { intValue: String(value) } };
  if ('double' in value) return { key, value: { doubleValue: value.double } };
  const values = value.map((item) => ({ intValue: String(item) }));
  return { key, value: { arrayValue: { values } } };
}

function writeSpan(span: ByteWriter, table: EventTable, row: number): void {
  span.bytesField(1, traceId(table, row));
  span.bytesField(2, spanId(row));
  span.stringField(5, table.stageNames[table.stage[row]!]!);
  span.varintField(6, 1);
  span.fixed64Field(7, startUnixNs(table, row));
  span.fixed64Field(8, endUnixNs(table, row));
  for (const attribute of spanAttributes(table, row)) writeAttribute(span, 9, attribute);
}

function rowsByWorker(table: EventTable): [WorkerInfo, number[]][] {
  const rows = table.workers.map((): number[] => []);
  for (let i = 0; i < table.length; i++) rows[table.worker[i]!]!.push(i);
  return table.workers
    .map((worker, index): [WorkerInfo, number[]] => [worker, rows[index]!])
    .filter(([, ofWorker]) => ofWorker.length > 0);
}

function startUnixNs(table: EventTable, row: number): bigint {
  return table.baseUnixNs + BigInt(table.startNs[row]!);
}

function endUnixNs(table: EventTable, row: number): bigint {
  return startUnixNs(table, row) + BigInt(table.durationNs[row]!);
}

/** One trace per step, as engines send it; 0 is no valid id, so everything is moved by one. */
function traceId(table: EventTable, row: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setFloat64(8, table.step[row]! + 2);
  return id;
}

function spanId(row: number): Uint8Array {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setUint32(4, row + 1);
  return id;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

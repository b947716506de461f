/** Trace requests for the decoding benchmark: the same spans, told in other ways. */
import type { EventTable } from '#lib/table/event-table.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { TracesRequest } from '#test/support/otlp-schema.ts';

export interface SpanObject {
  attributes: unknown[];
}
interface ResourceObject {
  resource: unknown;
  scopeSpans: { scope: unknown; spans: SpanObject[] }[];
}
export interface RequestObject {
  resourceSpans: ResourceObject[];
}

export function requestOf(body: Uint8Array): RequestObject {
  const request: object = TracesRequest.decode(body);
  if (!('resourceSpans' in request)) throw new Error('no resourceSpans');
  return request as RequestObject;
}

export function spansOf(request: RequestObject): SpanObject[] {
  return request.resourceSpans.flatMap((item) => item.scopeSpans.flatMap(({ spans }) => spans));
}

/** Each span with its attributes in an order of its own. */
export function shuffledAttributes(body: Uint8Array): Uint8Array {
  const random = seededRandom(7);
  const request = requestOf(body);
  for (const { attributes } of spansOf(request)) {
    for (let i = attributes.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [attributes[i], attributes[j]] = [attributes[j], attributes[i]];
    }
  }
  return TracesRequest.encode(request).finish();
}

/** A resource with every four spans, as many small senders behind a proxy give. */
export function manyResources(body: Uint8Array): Uint8Array {
  const random = seededRandom(11);
  const small = inPieces(requestOf(body), 4);
  small.sort(() => random() - 0.5);
  return TracesRequest.encode({ resourceSpans: small }).finish();
}

/** One request for at most `spans` spans of a worker, as an exporter's batches are. */
export function smallRequests(body: Uint8Array, spans: number): Uint8Array[] {
  return inPieces(requestOf(body), spans).map((item) =>
    TracesRequest.encode({ resourceSpans: [item] }).finish(),
  );
}

/** The table's spans with four measures, each written in a varying number of bytes. */
export function manyMeasures(table: EventTable): Uint8Array {
  const random = seededRandom(5);
  const measure = (max: number) =>
    Float64Array.from({ length: table.length }, () => Math.floor(random() * max));
  const measures = {
    ...table.measures,
    tokens: measure(300),
    bytes: measure(8_000_000),
    requests: measure(256),
    contextTokens: measure(1_000_000),
  };
  return encodeTracesProtobuf({ ...table, measures });
}

function inPieces(request: RequestObject, size: number): ResourceObject[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      Array.from({ length: Math.ceil(spans.length / size) }, (_, i) => ({
        resource,
        scopeSpans: [{ scope, spans: spans.slice(i * size, i * size + size) }],
      })),
    ),
  );
}

/** Server-sent events from the collector to a browser, byte for byte. */
import { problem } from '#lib/api/problem.ts';
import { type CollectorLink, CollectorUnreachableError } from './collector-link.ts';
import { queryParameters } from './request-parameters.ts';

const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // Reverse proxies that buffer answers leave those with this header alone.
  'x-accel-buffering': 'no',
};

/** Time after which an EventSource asks again, told to it while the collector is away. */
const RETRY_MS = 2000;

/**
 * Relays until either end goes. `lastEventId` may stand in the query too, for readers that cannot
 * set the header.
 */
export async function liveRelay(
  request: Request,
  deployment: string,
  collector: CollectorLink,
): Promise<Response> {
  const { lastEventId } = queryParameters(request, ['lastEventId']);
  const last = request.headers.get('last-event-id') ?? lastEventId;
  try {
    const upstream = await collector.fetch(`/live?deployment=${encodeURIComponent(deployment)}`, {
      signal: request.signal,
      headers: {
        accept: 'text/event-stream',
        ...(last === undefined ? {} : { 'last-event-id': last }),
      },
    });
    if (upstream.ok && upstream.body !== null) {
      return new Response(upstream.body, { headers: SSE_HEADERS });
    }
    await upstream.body?.cancel();
    throw new CollectorUnreachableError(
      `The collector answered ${upstream.status} instead of live events.`,
    );
  } catch (error) {
    if (!(error instanceof CollectorUnreachableError) || !wantsEvents(request)) throw error;
    // An EventSource gives up for good on an error status; after a 200 that ends it asks again.
    const document = problem('collector-unreachable', error.message);
    const text = `retry: ${RETRY_MS}\nevent: down\ndata: ${JSON.stringify(document)}\n\n`;
    return new Response(text, { headers: SSE_HEADERS });
  }
}

function wantsEvents(request: Request): boolean {
  return (request.headers.get('accept') ?? '').includes('text/event-stream');
}

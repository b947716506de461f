/** Outcomes and refusals as OTLP/HTTP answers, in the request's own encoding. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { IngestOutcome } from '#collector/messages.ts';
import type { Encoding, Signal } from '#lib/ingest/decoded.ts';
import { encodeExportResponse, encodeRpcStatus, RpcCode } from '#lib/wire/otlp-response.ts';
import type { BodyFailure } from './body-failure.ts';

export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
}

/** A retry after the byte budget was full: bodies in flight are answered within a second or so. */
export const OVER_BUDGET_RETRY_S = 1;

const CONTENT_TYPE: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** For requests whose encoding is unknown. */
export function plainAnswer(
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): Answer {
  return {
    status,
    headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' },
    body: Buffer.from(`${text}\n`),
  };
}

/** `retryAfterS` undefined: the request must not be sent again as it is. */
export function statusAnswer(
  status: number,
  encoding: Encoding,
  code: number,
  message: string,
  retryAfterS?: number,
): Answer {
  return {
    status,
    headers: {
      'Content-Type': CONTENT_TYPE[encoding],
      ...(retryAfterS === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterS)) }),
    },
    body: encodeRpcStatus(encoding, { code, message }),
  };
}

export function outcomeAnswer(signal: Signal, encoding: Encoding, outcome: IngestOutcome): Answer {
  switch (outcome.status) {
    case 'stored':
      return {
        status: 200,
        headers: { 'Content-Type': CONTENT_TYPE[encoding] },
        body: encodeExportResponse(
          encoding,
          signal,
          outcome.rejectedCount,
          outcome.rejectedMessage,
        ),
      };
    case 'malformed':
      return statusAnswer(400, encoding, RpcCode.invalidArgument, outcome.message);
    case 'failed':
      return statusAnswer(500, encoding, RpcCode.internal, outcome.message);
    case 'unavailable':
      return statusAnswer(503, encoding, RpcCode.unavailable, outcome.message, outcome.retryAfterS);
    case 'overloaded':
      return statusAnswer(
        429,
        encoding,
        RpcCode.resourceExhausted,
        outcome.message,
        outcome.retryAfterS,
      );
  }
}

/** undefined: nobody is there to read an answer. */
export function failureAnswer(encoding: Encoding, failure: BodyFailure): Answer | undefined {
  switch (failure.kind) {
    case 'over_budget':
      return statusAnswer(
        429,
        encoding,
        RpcCode.resourceExhausted,
        'too many bytes in flight; send again later',
        OVER_BUDGET_RETRY_S,
      );
    case 'too_large':
      return statusAnswer(413, encoding, RpcCode.resourceExhausted, tooLargeMessage(failure));
    case 'malformed':
      return statusAnswer(400, encoding, RpcCode.invalidArgument, failure.message);
    case 'timeout':
      return statusAnswer(408, encoding, RpcCode.deadlineExceeded, failure.message);
    case 'aborted':
      return undefined;
  }
}

export function tooLargeMessage(failure: { readonly limitBytes: number }): string {
  return `the body is over ${failure.limitBytes} bytes after decompression; send smaller batches`;
}

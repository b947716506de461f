/**
 * Answers to OTLP exports, protobuf and JSON: Export*ServiceResponse and google.rpc.Status. Where
 * everything was taken, partial_success stays unset (an empty message), as OTLP asks.
 */
import { type OtlpEncoding, type OtlpSignal, WireWriter } from './wire-writer.ts';

/** google.rpc.Code, as far as a receiver uses it; the same numbers as gRPC's status codes. */
export const RpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** Adds a google.rpc.RetryInfo: the sender may try again after this time. */
  readonly retryAfterS?: number;
}

const REJECTED_FIELD: Readonly<Record<OtlpSignal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
};
const RETRY_INFO_TYPE = 'type.googleapis.com/google.rpc.RetryInfo';

/** A message with a count of 0 is a warning; a count of 0 without a message is full success. */
export function encodeExportResponse(
  encoding: OtlpEncoding,
  signal: OtlpSignal,
  rejectedCount: number,
  message: string,
): Uint8Array {
  const whole = rejectedCount === 0 && message === '';
  if (encoding === 'json') {
    // protojson writes 64-bit integers as strings.
    const partialSuccess = {
      ...(rejectedCount > 0 && { [REJECTED_FIELD[signal]]: String(rejectedCount) }),
      ...(message !== '' && { errorMessage: message }),
    };
    return utf8(whole ? {} : { partialSuccess });
  }
  const response = new WireWriter();
  if (whole) return response.finish();
  const partial = new WireWriter();
  if (rejectedCount > 0) partial.varintField(1, rejectedCount);
  if (message !== '') partial.stringField(2, message);
  response.bytesField(1, partial.finish());
  return response.finish();
}

/** google.rpc.Status: the body of an HTTP error and of gRPC's `grpc-status-details-bin`. */
export function encodeRpcStatus(encoding: OtlpEncoding, status: RpcStatus): Uint8Array {
  const { code, message, retryAfterS } = status;
  if (encoding === 'json') {
    const details =
      retryAfterS === undefined
        ? {}
        : { details: [{ '@type': RETRY_INFO_TYPE, retryDelay: `${retryAfterS}s` }] };
    return utf8({ code, message, ...details });
  }
  const out = new WireWriter();
  if (code !== 0) out.varintField(1, code);
  if (message !== '') out.stringField(2, message);
  if (retryAfterS !== undefined) {
    const duration = new WireWriter();
    const seconds = Math.floor(retryAfterS);
    const nanos = Math.round((retryAfterS - seconds) * 1e9);
    if (seconds > 0) duration.varintField(1, seconds);
    if (nanos > 0) duration.varintField(2, nanos);
    const retryInfo = new WireWriter();
    retryInfo.bytesField(1, duration.finish());
    const any = new WireWriter();
    any.stringField(1, RETRY_INFO_TYPE);
    any.bytesField(2, retryInfo.finish());
    out.bytesField(3, any.finish());
  }
  return out.finish();
}

function utf8(json: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}

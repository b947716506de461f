/** gRPC's answers: codes, and the headers that carry them over HTTP/2. */
import type { OutgoingHttpHeaders } from 'node:http2';
import type { IngestOutcome } from '#collector/messages.ts';
import { encodeRpcStatus, RpcCode } from '#lib/wire/otlp-response.ts';
import type { BodyFailure } from './body-failure.ts';
import { OVER_BUDGET_RETRY_S, tooLargeMessage } from './http-answer.ts';

export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  /** Present: the request may be sent again, after so long (google.rpc.RetryInfo). */
  readonly retryAfterS?: number;
}

export function grpcOutcomeStatus(
  outcome: Exclude<IngestOutcome, { status: 'stored' }>,
): GrpcStatus {
  switch (outcome.status) {
    case 'malformed':
      return { code: RpcCode.invalidArgument, message: outcome.message };
    case 'failed':
      return { code: RpcCode.internal, message: outcome.message };
    case 'unavailable':
      return {
        code: RpcCode.unavailable,
        message: outcome.message,
        retryAfterS: outcome.retryAfterS,
      };
    case 'overloaded':
      return {
        code: RpcCode.resourceExhausted,
        message: outcome.message,
        retryAfterS: outcome.retryAfterS,
      };
  }
}

/** RESOURCE_EXHAUSTED is retried by OTLP's senders only where it carries RetryInfo. */
export function grpcFailureStatus(failure: BodyFailure): GrpcStatus {
  switch (failure.kind) {
    case 'over_budget':
      return {
        code: RpcCode.resourceExhausted,
        message: 'too many bytes in flight; send again later',
        retryAfterS: OVER_BUDGET_RETRY_S,
      };
    case 'too_large':
      return { code: RpcCode.resourceExhausted, message: tooLargeMessage(failure) };
    case 'malformed':
      return { code: RpcCode.invalidArgument, message: failure.message };
    case 'timeout':
      return { code: RpcCode.deadlineExceeded, message: failure.message };
    case 'aborted':
      return { code: RpcCode.cancelled, message: 'the sender went away' };
  }
}

export function grpcStatusHeaders(status: GrpcStatus): OutgoingHttpHeaders {
  const { code, message, retryAfterS } = status;
  const headers: OutgoingHttpHeaders = { 'grpc-status': String(code) };
  if (message !== '') headers['grpc-message'] = percentEncoded(message);
  if (retryAfterS !== undefined) {
    const details = encodeRpcStatus('protobuf', {
      code,
      message,
      retryAfterS,
    });
    headers['grpc-status-details-bin'] = Buffer.from(details).toString('base64');
    // Where the exporters for Python look for it.
    headers['google.rpc.retryinfo-bin'] = retryInfo(retryAfterS).toString('base64');
  }
  return headers;
}

/** `RetryInfo { retry_delay: Duration { seconds } }`; below 128 s a varint is one byte. */
function retryInfo(retryAfterS: number): Buffer {
  return Buffer.from([0x0a, 2, 0x08, Math.min(127, Math.max(1, Math.ceil(retryAfterS)))]);
}

/** As gRPC over HTTP/2 has it: UTF-8, everything but printable ASCII and `%` escaped. */
function percentEncoded(message: string): string {
  let encoded = '';
  for (const byte of Buffer.from(message)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

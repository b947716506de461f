import { describe, expect, it } from 'vitest';
import { encodeExportResponse, encodeRpcStatus, RpcCode } from '#lib/wire/otlp-response.ts';
import { ExportResponse, RetryInfo, RpcStatus } from '#test/support/otlp-schema.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('encodeExportResponse', () => {
  it('leaves partial_success unset where everything was taken', () => {
    expect(encodeExportResponse('protobuf', 'traces', 0, '')).toHaveLength(0);
    expect(text(encodeExportResponse('json', 'logs', 0, ''))).toBe('{}');
  });

  it('says how many were refused and why', () => {
    const bytes = encodeExportResponse('protobuf', 'traces', 300, 'no role');
    const message = ExportResponse.toObject(ExportResponse.decode(bytes), { longs: Number });
    expect(message).toEqual({ partialSuccess: { rejectedSpans: 300, errorMessage: 'no role' } });
    expect(JSON.parse(text(encodeExportResponse('json', 'metrics', 2, 'häh')))).toEqual({
      partialSuccess: { rejectedDataPoints: '2', errorMessage: 'häh' },
    });
    expect(JSON.parse(text(encodeExportResponse('json', 'logs', 1, '')))).toEqual({
      partialSuccess: { rejectedLogRecords: '1' },
    });
  });
});

describe('encodeRpcStatus', () => {
  it('is a google.rpc.Status in both encodings', () => {
    const status = { code: RpcCode.invalidArgument, message: 'malformed at byte 3' };
    const decoded = RpcStatus.decode(encodeRpcStatus('protobuf', status));
    expect(RpcStatus.toObject(decoded)).toEqual(status);
    expect(JSON.parse(text(encodeRpcStatus('json', status)))).toEqual(status);
  });

  it('carries RetryInfo', () => {
    const status = { code: RpcCode.unavailable, message: 'full', retryAfterS: 1.5 };
    const decoded = RpcStatus.toObject(RpcStatus.decode(encodeRpcStatus('protobuf', status)));
    expect(decoded.details[0].type_url ?? decoded.details[0].typeUrl).toBe(
      'type.googleapis.com/google.rpc.RetryInfo',
    );
    const retry = RetryInfo.toObject(RetryInfo.decode(decoded.details[0].value), { longs: Number });
    expect(retry).toEqual({ retryDelay: { seconds: 1, nanos: 500_000_000 } });
    expect(JSON.parse(text(encodeRpcStatus('json', status))).details).toEqual([
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' },
    ]);
  });
});

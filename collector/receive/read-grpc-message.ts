/** Reads the one length-prefixed message of a unary gRPC call, on the lease byte by byte. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { BodyFailure } from './body-failure.ts';
import type { ByteLease } from './byte-budget.ts';
import type { ReadLimits } from './read-body.ts';

export interface GrpcMessage {
  readonly compressed: boolean;
  /** Its memory is its own. */
  readonly message: Uint8Array<ArrayBuffer>;
}

const PREFIX_BYTES = 5;

/** Resolves once the sender has ended its side of the call. */
export function readGrpcMessage(
  source: ServerHttp2Stream,
  lease: ByteLease,
  limits: ReadLimits,
): Promise<Result<GrpcMessage, BodyFailure>> {
  return new Promise((resolve) => {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    let prefixBytes = 0;
    let message: Uint8Array<ArrayBuffer> | undefined;
    let bytes = 0;

    const finish = (result: Result<GrpcMessage, BodyFailure>): void => {
      clearTimeout(idle);
      clearTimeout(total);
      source.off('data', onData).off('end', onEnd).off('close', onGone);
      resolve(result);
    };
    const onGone = (): void => finish(err({ kind: 'aborted' }));
    const malformed = (what: string): void => finish(err({ kind: 'malformed', message: what }));
    /** false: the call is refused. */
    const begin = (): boolean => {
      const length = prefix.readUInt32BE(1);
      if (prefix[0]! > 1) malformed(`unknown compression flag ${prefix[0]}`);
      else if (length > limits.maxBytes) {
        finish(err({ kind: 'too_large', limitBytes: limits.maxBytes }));
      } else if (!lease.growTo(length)) finish(err({ kind: 'over_budget' }));
      else {
        message = Buffer.allocUnsafeSlow(length);
        return true;
      }
      return false;
    };
    const onData = (piece: Buffer): void => {
      idle.refresh();
      let at = 0;
      if (message === undefined) {
        at = piece.copy(prefix, prefixBytes, 0, PREFIX_BYTES - prefixBytes);
        prefixBytes += at;
        if (prefixBytes < PREFIX_BYTES || !begin()) return;
      }
      const room = message!.byteLength - bytes;
      if (piece.byteLength - at > room) {
        malformed('more than one message in a unary call');
        return;
      }
      message!.set(at === 0 ? piece : piece.subarray(at), bytes);
      bytes += piece.byteLength - at;
    };
    const onEnd = (): void => {
      // A stream that its sender cancels ends too.
      if (source.aborted || source.rstCode !== constants.NGHTTP2_NO_ERROR) onGone();
      else if (message === undefined) malformed('the call has no message');
      else if (bytes < message.byteLength) malformed('the message ends before its length');
      else finish(ok({ compressed: prefix[0] === 1, message }));
    };
    const tooSlow = (ms: number, what: string) => (): void =>
      finish(err({ kind: 'timeout', message: `${what} for ${ms / 1000} s` }));
    const idle = setTimeout(tooSlow(limits.idleMs, 'no byte of the message came'), limits.idleMs);
    const total = setTimeout(
      tooSlow(limits.totalMs, 'the message was not complete'),
      limits.totalMs,
    );

    source.on('data', onData).on('end', onEnd).on('close', onGone);
  });
}

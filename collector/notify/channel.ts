/** What a way to tell somebody must be able to do. */
import type { NotifyMessage } from '#lib/alert/notify-state.ts';

export interface Sending {
  /** The same for each try of one message. */
  readonly dedupKey: string;
  /** Try to stop when it aborts; nobody waits any longer. */
  readonly signal: AbortSignal;
  readonly nowUnixMs: number;
}

export type SendOutcome =
  /** `detail`: what the other side said, such as "202 Accepted". */
  | { readonly ok: true; readonly detail: string }
  | {
      readonly ok: false;
      /** For the delivery log and the page: names hosts, never URLs or secrets. */
      readonly error: string;
      /** The other side will never take this message: trying again is of no use. */
      readonly isFinal: boolean;
      readonly retryAfterMs: number | null;
    };

export interface Channel {
  /** Does not throw for what the other side or the network does. */
  send(message: NotifyMessage, sending: Sending): Promise<SendOutcome>;
}

export function failed(error: string): SendOutcome {
  return { ok: false, error, isFinal: false, retryAfterMs: null };
}

/** Transfers as columns, handed on whenever there are many. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { TransferColumns } from './clock-bounds.ts';

const BUFFER_ROWS = 32_768;

export class TransferBuffer {
  readonly #domains: readonly string[];
  readonly #baseUnixNs: UnixNanos;
  readonly #take: (columns: TransferColumns) => void;
  readonly #sender = new Int32Array(BUFFER_ROWS);
  readonly #receiver = new Int32Array(BUFFER_ROWS);
  readonly #sentNs = new Float64Array(BUFFER_ROWS);
  readonly #receivedNs = new Float64Array(BUFFER_ROWS);
  /** Only where there are rendezvous senders. */
  #sendEndNs: Float64Array | null = null;
  #readyNs: Float64Array | null = null;
  #rendezvous: Uint8Array | null = null;
  #length = 0;

  constructor(
    domains: readonly string[],
    baseUnixNs: UnixNanos,
    take: (columns: TransferColumns) => void,
  ) {
    this.#domains = domains;
    this.#baseUnixNs = baseUnixNs;
    this.#take = take;
  }

  /** Indexes of domains; what was sent by `sentNs` had been received at `receivedNs`. */
  add(sender: number, receiver: number, sentNs: number, receivedNs: number): void {
    const at = this.#length++;
    this.#sender[at] = sender;
    this.#receiver[at] = receiver;
    this.#sentNs[at] = sentNs;
    this.#receivedNs[at] = receivedNs;
    if (this.#length === BUFFER_ROWS) this.flush();
  }

  /** The send did not end before its receiver was ready. */
  addRendezvous(
    sender: number,
    receiver: number,
    sentNs: number,
    sendEndNs: number,
    readyNs: number,
    receivedNs: number,
  ): void {
    this.#sendEndNs ??= new Float64Array(BUFFER_ROWS);
    this.#readyNs ??= new Float64Array(BUFFER_ROWS);
    this.#rendezvous ??= new Uint8Array(BUFFER_ROWS);
    this.#sendEndNs[this.#length] = sendEndNs;
    this.#readyNs[this.#length] = readyNs;
    this.#rendezvous[this.#length] = 1;
    this.add(sender, receiver, sentNs, receivedNs);
  }

  flush(): void {
    if (this.#length === 0) return;
    this.#take({
      length: this.#length,
      baseUnixNs: this.#baseUnixNs,
      domains: this.#domains,
      senderDomain: this.#sender,
      receiverDomain: this.#receiver,
      // What counts as sent is decided already.
      sendStartNs: this.#sentNs,
      sendEndNs: this.#sendEndNs ?? this.#sentNs,
      recvStartNs: this.#readyNs ?? this.#receivedNs,
      recvEndNs: this.#receivedNs,
      endsAtArrival: null,
      rendezvous: this.#rendezvous,
    });
    this.#rendezvous?.fill(0);
    this.#length = 0;
  }
}

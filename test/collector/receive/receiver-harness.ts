/** Receivers on free ports, with an ingest service that the test answers for. */
import { connect, type Socket } from 'node:net';
import type { IngestOutcome } from '#collector/messages.ts';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import type { OtlpReceiver } from '#collector/receive/receiver.ts';
import { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import type { Encoding, Signal } from '#lib/ingest/decoded.ts';

export const STORED = {
  status: 'stored',
  received: 1,
  rejectedCount: 0,
  rejectedMessage: '',
  duplicate: false,
} as const satisfies IngestOutcome;

export interface Submission {
  readonly signal: Signal;
  readonly encoding: Encoding;
  readonly body: Uint8Array;
}

/** Records what was submitted; answers with `outcome`, or when `hold` is released. */
export class FakeIngest {
  readonly submissions: Submission[] = [];
  outcome: IngestOutcome = STORED;
  #held: (() => void)[] | undefined;

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const resume of held) resume();
  }

  async submit(signal: Signal, encoding: Encoding, body: Uint8Array): Promise<IngestOutcome> {
    this.submissions.push({ signal, encoding, body });
    const held = this.#held;
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
    return this.outcome;
  }
}

export function statsOf(totalBytes: number): ReceiverStats {
  return new ReceiverStats(new ByteBudget(totalBytes));
}

export function urlOf(receiver: OtlpReceiver, path = '/v1/traces'): string {
  return `http://${receiver.host}:${receiver.port}${path}`;
}

/** Resolves when `holds` does; the test's own time limit ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A connection that sends exactly these bytes, for what an HTTP client would not send. */
export class RawConnection {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(receiver: OtlpReceiver) {
    this.socket = connect(receiver.port, receiver.host);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.received += text;
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  async status(): Promise<number> {
    await until(() => /^HTTP\/1\.1 \d+/.test(this.received) || this.closed);
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.received)?.[1] ?? 0);
  }
}

/**
 * Thrown by the readers of this folder where a body as a whole cannot be read; `lib/ingest` turns
 * it into a Result. Anything else that a reader throws is a bug.
 */
export class MalformedInput extends Error {
  override readonly name = 'MalformedInput';
  /** Where in the body, in bytes from its start. */
  readonly byteOffset: number;

  /** `what` is safe to send back: it names what was expected, never the sender's bytes. */
  constructor(what: string, byteOffset: number) {
    super(`${what} at byte ${byteOffset}`);
    this.byteOffset = byteOffset;
  }
}

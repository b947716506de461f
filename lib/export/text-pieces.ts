/** Text as UTF-8 in pieces of a size that is worth handing over. */

const PIECE_CHARACTERS = 1 << 16;

export class TextPieces {
  readonly #encoder = new TextEncoder();
  #text = '';

  add(text: string): void {
    this.#text += text;
  }

  get isFull(): boolean {
    return this.#text.length >= PIECE_CHARACTERS;
  }

  /** What was added since the last one; may be empty. */
  take(): Uint8Array {
    const bytes = this.#encoder.encode(this.#text);
    this.#text = '';
    return bytes;
  }
}

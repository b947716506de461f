/** Interned strings: equal strings share one small integer, in order of first sight. */
export class StringTable {
  readonly #indexByString = new Map<string, number>();
  readonly #strings: string[] = [];

  constructor(initial: Iterable<string> = []) {
    for (const text of initial) this.intern(text);
  }

  get size(): number {
    return this.#strings.length;
  }

  /** All strings; the position is the index. Live view: do not keep it across `intern`. */
  get strings(): readonly string[] {
    return this.#strings;
  }

  intern(text: string): number {
    const known = this.#indexByString.get(text);
    if (known !== undefined) return known;
    const index = this.#strings.length;
    this.#strings.push(text);
    this.#indexByString.set(text, index);
    return index;
  }

  /** The index of `text`, or -1 where it was never interned. */
  indexOf(text: string): number {
    return this.#indexByString.get(text) ?? -1;
  }
}

/**
 * Names of a trace as small integers, found by their bytes. Programs repeat themselves: after the
 * same name the same one comes again, so the name that followed last time is compared first, and most
 * names need neither their end searched for nor a hash.
 */
import { ByteStringTable } from './byte-string-table.ts';

const QUOTE = 0x22;
/** More than these and further names are not told apart. */
const MAX_NAMES = 1 << 20;
const MAX_ARENA_BYTES = 1 << 28;

export class ChromeNames {
  readonly #table = new ByteStringTable(MAX_NAMES);
  /** The name that followed this one last. */
  #next = new Int32Array(1024);

  get size(): number {
    return this.#table.size;
  }

  /**
   * The id of the string whose opening quote is at `quote - 1` if it is the one that `after` leads
   * to, else -1.
   */
  guess(after: number, bytes: Uint8Array, view: DataView, start: number): number {
    const id = after >= 0 ? this.#next[after]! : 0;
    if (id >= this.#table.size) return -1;
    const length = this.#table.prefixLength(id, view, start);
    return length >= 0 && bytes[start + length] === QUOTE ? id : -1;
  }

  lengthOf(id: number): number {
    return this.#table.lengthOf(id);
  }

  /** The id of `bytes[start, end)`, -1 where there are too many already. */
  intern(after: number, bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const table = this.#table;
    const id =
      table.arenaBytes > MAX_ARENA_BYTES
        ? table.find(view, start, end - start)
        : table.intern(bytes, view, start, end - start);
    if (id >= this.#next.length) {
      const grown = new Int32Array(this.#next.length * 2);
      grown.set(this.#next);
      this.#next = grown;
    }
    if (after >= 0 && id >= 0) this.#next[after] = id;
    return id;
  }

  /** With escapes resolved. */
  text(id: number): string {
    const raw = utf8.decode(this.#table.bytesOf(id));
    if (!raw.includes('\\')) return raw;
    try {
      const text: unknown = JSON.parse(`"${raw.replace(CONTROLS, ' ')}"`);
      return typeof text === 'string' ? text : raw;
    } catch {
      return raw;
    }
  }
}

const utf8 = new TextDecoder();
/** Characters that JSON allows in strings only as escapes. */
const CONTROLS = /\p{Cc}/gu;

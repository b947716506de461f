/** Stage names as they come in, as codes: known ones by the schema, unknown ones in order of sight. */
import { defaultKind, stageCode } from '#lib/model/stages.ts';
import { ROLES, STAGES } from '#lib/table/codes.ts';
import { ByteStringTable } from '#lib/wire/byte-string-table.ts';

/** Longer names are cut. */
export const MAX_NAME_BYTES = 256;
/** What a span without a name is called. */
const UNNAMED = 'unnamed';

export class StageNames {
  readonly #maxUnknown: number;
  /** Spellings; a name may have several (bytes that are not UTF-8 all read as U+FFFD). */
  readonly #spellings: ByteStringTable;
  /** Code + 1 by spelling and role, 0 where not asked for yet. */
  readonly #codes: Uint16Array;
  readonly #unknown = new Map<string, number>();
  /** The `Kind` code of a stage whose sender gives none. */
  readonly kinds: Uint8Array;
  /** Names by code; a new array whenever one is added, so that tables may keep it. */
  names: readonly string[] = [...STAGES];

  constructor(maxUnknown: number) {
    this.#maxUnknown = maxUnknown;
    const maxSpellings = 256 + maxUnknown * 2;
    this.#spellings = new ByteStringTable(maxSpellings);
    this.#codes = new Uint16Array(maxSpellings * ROLES.length);
    this.kinds = Uint8Array.from({ length: STAGES.length + maxUnknown }, (_, code) =>
      defaultKind(code),
    );
  }

  /** The code of the name in `bytes[start, start + byteCount)`, or -1: one name too many. */
  code(bytes: Uint8Array, view: DataView, start: number, byteCount: number, role: number): number {
    const spelling = this.#spellings.find(view, start, byteCount);
    if (spelling >= 0) {
      const known = this.#codes[spelling * ROLES.length + role]!;
      if (known > 0) return known - 1;
    }
    return this.#resolve(bytes, view, start, byteCount, role);
  }

  #resolve(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    byteCount: number,
    role: number,
  ): number {
    const name = utf8.decode(bytes.subarray(start, start + byteCount)) || UNNAMED;
    let code = stageCode(name, ROLES[role]!);
    if (code < 0) code = this.#unknownCode(name);
    if (code < 0) return -1;
    const spelling = this.#spellings.intern(bytes, view, start, byteCount);
    if (spelling >= 0) this.#codes[spelling * ROLES.length + role] = code + 1;
    return code;
  }

  #unknownCode(name: string): number {
    const known = this.#unknown.get(name);
    if (known !== undefined) return known;
    if (this.#unknown.size >= this.#maxUnknown) return -1;
    const code = this.names.length;
    this.names = [...this.names, name];
    this.#unknown.set(name, code);
    return code;
  }
}

const utf8 = new TextDecoder();

/** The longest prefix of at most MAX_NAME_BYTES that does not cut a UTF-8 character in two. */
export function cutNameBytes(bytes: Uint8Array, start: number): number {
  let byteCount = MAX_NAME_BYTES;
  while (byteCount > 0 && (bytes[start + byteCount]! & 0xc0) === 0x80) byteCount--;
  return byteCount === 0 ? MAX_NAME_BYTES : byteCount;
}

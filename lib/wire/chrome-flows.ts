/** Which flows have both ends: a bit for each end of each id. */

const PAGE_IDS = 1 << 15;
const MAX_TEXT_IDS = 1 << 18;
const STARTED = 1;
const ENDED = 2;

export class ChromeFlows {
  /** Ids come in runs, so pages of them are dense. */
  readonly #pages = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly #texts = new Map<string, number>();
  #lastPage = -1;
  #last = new Uint8Array(0);
  /** Flow events, starts and ends. */
  events = 0;

  /** `id` is an integer from 0. */
  add(id: number, isStart: boolean): void {
    this.events++;
    const page = Math.floor(id / PAGE_IDS);
    if (page !== this.#lastPage) {
      this.#lastPage = page;
      this.#last = this.#pages.get(page) ?? new Uint8Array(PAGE_IDS);
      this.#pages.set(page, this.#last);
    }
    const at = id - page * PAGE_IDS;
    this.#last[at] = this.#last[at]! | (isStart ? STARTED : ENDED);
  }

  addText(id: string, isStart: boolean): void {
    this.events++;
    const known = this.#texts.get(id) ?? 0;
    if (known === 0 && this.#texts.size >= MAX_TEXT_IDS) return;
    this.#texts.set(id, known | (isStart ? STARTED : ENDED));
  }

  /** Ids with one end only. */
  dangling(): { readonly withoutEnd: number; readonly withoutStart: number } {
    const counts = [0, 0, 0, 0];
    for (const page of this.#pages.values()) for (const ends of page) counts[ends]!++;
    for (const ends of this.#texts.values()) counts[ends]!++;
    return { withoutEnd: counts[STARTED]!, withoutStart: counts[ENDED]! };
  }
}

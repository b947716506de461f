/**
 * A page that writes its state into the URL sees each link again, once the page is rendered with it:
 * late on a slow machine, when newer links were written already, and not every one of them. Such an
 * echo must not be opened, or the page would go back to what it showed before.
 */
export class LinkEcho {
  #seen: string;
  /** Written and not seen since, the oldest first. */
  #awaited: string[] = [];

  constructor(seen: string) {
    this.#seen = seen;
  }

  wrote(link: string): void {
    if (link !== (this.#awaited.at(-1) ?? this.#seen)) this.#awaited.push(link);
  }

  /** Whether the link neither is the one that is shown nor was written here. */
  isForeign(link: string): boolean {
    return link !== this.#seen && !this.#awaited.includes(link);
  }

  /** Call with each link that the page is rendered with. True: somebody else set it, open it. */
  sees(link: string): boolean {
    const isForeign = this.isForeign(link);
    // Echoes keep their order: those before this one do not come any more.
    if (isForeign) this.#awaited = [];
    else if (link !== this.#seen) this.#awaited.splice(0, this.#awaited.indexOf(link) + 1);
    this.#seen = link;
    return isForeign;
  }
}

/** Instants in fields of the kind `datetime-local`, which know no zone: the viewer's is meant. */

/** Local time without a zone, to the second. */
export function localInput(unixMs: number): string {
  const offsetMs = new Date(unixMs).getTimezoneOffset() * 60_000;
  return new Date(unixMs - offsetMs).toISOString().slice(0, 19);
}

/** null: no instant. */
export function instantOfInput(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text)) return null;
  const unixMs = new Date(text).getTime();
  return Number.isFinite(unixMs) ? unixMs : null;
}

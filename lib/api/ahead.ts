/**
 * Answers that were asked for before there was anybody to take them: public/start.js asks while the
 * page's own script is still on its way. Each is taken once, and only while it is fresh.
 */

interface Ahead {
  /** By the page's own clock. */
  readonly askedMs: number;
  readonly response: Promise<Response>;
}

declare global {
  // Written by a script that is no module.
  var afdscopeAhead: Record<string, Ahead | undefined> | undefined;
}

/** As old as what pages poll may be. */
const FRESH_MS = 10_000;

/** The answer to this question, for this one caller; null: nobody asked it, or too long ago. */
export function takeAhead(path: string): Promise<Response> | null {
  const all = globalThis.afdscopeAhead;
  const ahead = all?.[path];
  if (all === undefined || ahead === undefined) return null;
  delete all[path];
  return performance.now() - ahead.askedMs > FRESH_MS ? null : ahead.response;
}

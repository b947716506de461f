/** How often alerts fired, from their history; what is told about alerts beside their state. */

export interface Fired {
  readonly alertId: string;
  readonly change: string;
  readonly atUnixMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** From so many times within an hour on, it comes and goes rather than being true. */
export const FLAPPING_TIMES = 3;

/** By alert: times fired in the last 24 hours, and whether it flaps. Later events than now do not count. */
export function firingCounts(
  events: Iterable<Fired>,
  nowUnixMs: number,
): Map<string, { readonly firedCount: number; readonly flapping: boolean }> {
  const times = new Map<string, number[]>();
  for (const { alertId, change, atUnixMs } of events) {
    if (change !== 'firing' || atUnixMs > nowUnixMs || atUnixMs <= nowUnixMs - DAY_MS) continue;
    const own = times.get(alertId);
    if (own === undefined) times.set(alertId, [atUnixMs]);
    else own.push(atUnixMs);
  }
  return new Map(
    [...times].map(([id, own]) => {
      const recent = own.filter((at) => at > nowUnixMs - HOUR_MS).length;
      return [id, { firedCount: own.length, flapping: recent >= FLAPPING_TIMES }];
    }),
  );
}

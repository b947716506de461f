/** What alert rules said of a window, as a post-mortem report tells it. */
import { type AlertEvent, alertEventSchema } from '#lib/api/alerts.ts';
import { NS_PER_S, unixNanosFromMs } from '#lib/base/units.ts';
import type { AlertFact } from '#lib/postmortem/facts.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { earlier } from './window.ts';

/** An alert that fires in the window may have begun so long before. */
const LOOK_BACK_NS = 6 * 3600 * NS_PER_S;

/** Alerts that fired in the window, or before and had not ended, by start. */
export async function alertsOfWindow(
  state: StateStore,
  deployment: string,
  window: TimeWindow,
): Promise<AlertFact[]> {
  const rows = await state.logged({
    topic: 'alert',
    deployment,
    fromUnixNs: earlier(window.fromUnixNs, LOOK_BACK_NS),
    order: 'oldest',
  });
  const events = rows
    .map(({ detail }) => alertEventSchema.safeParse(JSON.parse(detail)).data)
    .filter((event) => event !== undefined);
  return alertFacts(events).filter(
    ({ sinceUnixNs, untilUnixNs }) =>
      BigInt(sinceUnixNs) < window.toUnixNs &&
      (untilUnixNs === null || BigInt(untilUnixNs) > window.fromUnixNs),
  );
}

/** Each time that one fired; `events` oldest first. */
export function alertFacts(events: readonly AlertEvent[]): AlertFact[] {
  const found: AlertFact[] = [];
  const open = new Map<string, number>();
  for (const event of events) {
    const { alertId, rule, labels, detail, atUnixMs, change } = event;
    const at = String(unixNanosFromMs(atUnixMs));
    const index = open.get(alertId);
    if (change === 'firing' && index === undefined) {
      open.set(alertId, found.length);
      const text = [labelText(labels), detail].filter((part) => part !== '').join(': ');
      found.push({ name: rule, text, sinceUnixNs: at, untilUnixNs: null });
    } else if (change === 'resolved' && index !== undefined) {
      found[index] = { ...found[index]!, untilUnixNs: at };
      open.delete(alertId);
    }
  }
  return found;
}

const SAID_ELSEWHERE = new Set(['deployment', 'alertname', 'severity']);

function labelText(labels: AlertEvent['labels']): string {
  return Object.entries(labels)
    .filter(([name]) => !SAID_ELSEWHERE.has(name))
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

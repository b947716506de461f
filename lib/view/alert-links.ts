/** Where an alert leads: the figure that it is about, the time that it happened, who it concerns. */
import type { AlertJson } from '#lib/api/alerts.ts';
import type { TimelinePlace } from './timeline-link.ts';
import type { TimelineExtent } from './timeline-viewport.ts';
import type { PageState } from './url-state.ts';

/** What the timeline shows of an alert: some seconds before it, and not much more than a minute. */
const BEFORE_MS = 10_000;
const LONGEST_MS = 60_000;

export function alertExtent(
  alert: Pick<AlertJson, 'startsAtUnixMs' | 'resolvedAtUnixMs' | 'updatedAtUnixMs'>,
): TimelineExtent {
  const fromMs = alert.startsAtUnixMs - BEFORE_MS;
  const endMs = alert.resolvedAtUnixMs ?? alert.updatedAtUnixMs;
  const toMs = Math.min(fromMs + LONGEST_MS, Math.max(endMs, alert.startsAtUnixMs + BEFORE_MS));
  return { fromUnixNs: nanosOf(fromMs), toUnixNs: nanosOf(toMs) };
}

export function nanosOf(unixMs: number): bigint {
  return BigInt(Math.max(0, Math.round(unixMs))) * 1_000_000n;
}

export function millisOf(unixNs: string | bigint): number {
  return Number(BigInt(unixNs) / 1_000_000n);
}

/** The rows and layers that its labels name. */
export function alertPlace(labels: Readonly<Record<string, string>>): TimelinePlace {
  const { worker, layer } = labels;
  return {
    ...(worker === undefined || worker === '' ? {} : { worker }),
    ...(layer !== undefined && /^\d{1,6}$/.test(layer) ? { layer: Number(layer) } : {}),
  };
}

const PAGES: readonly { readonly test: RegExp; readonly path: string; readonly name: string }[] = [
  { test: /^(straggler|hang|silent|cause_ratio)/, path: '/stragglers', name: 'Stragglers' },
  { test: /^(expert|forced_routing)/, path: '/experts', name: 'Experts' },
  { test: /^(attention_ffn|period_over|report:balance)/, path: '/balance', name: 'Balance' },
  { test: /^(layer_|stage_|report:layers)/, path: '/layers', name: 'Layers' },
  { test: /^(clock|ingest|condition)/, path: '/health', name: 'Health' },
];

/** The page that shows the alert's figure, set to whom it concerns and when. */
export function evidencePage(alert: AlertJson): {
  readonly path: string;
  readonly name: string;
  readonly change: Partial<PageState>;
} {
  const found = PAGES.find(({ test }) => test.test(alert.metric));
  const { worker, layer } = alert.labels;
  const isOver = alert.state === 'resolved';
  return {
    path: found?.path ?? '/',
    name: found?.name ?? 'Overview',
    change: {
      ...(alert.deployment === '' ? {} : { deployment: alert.deployment }),
      range: isOver
        ? {
            kind: 'absolute',
            fromMs: alert.startsAtUnixMs - BEFORE_MS,
            toMs: Math.max(alert.resolvedAtUnixMs ?? 0, alert.startsAtUnixMs) + BEFORE_MS,
          }
        : { kind: 'live' },
      worker: worker === undefined || worker === '' ? null : worker,
      layer: layer !== undefined && /^\d{1,6}$/.test(layer) ? Number(layer) : null,
    },
  };
}

/** Links of a rule lead to web pages or are plain words, never to anything that runs. */
export function safeLink(text: string): string | null {
  return /^https?:\/\/\S+$/i.test(text) ? text : null;
}

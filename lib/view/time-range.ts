/** The time that a page shows: the live stream, the last so many minutes, or a fixed window. */
import { instantText } from './format.ts';

export const PRESETS = [
  { name: '5m', label: '5 min', spanMs: 300_000, refreshMs: 15_000 },
  { name: '15m', label: '15 min', spanMs: 900_000, refreshMs: 30_000 },
  { name: '1h', label: '1 h', spanMs: 3_600_000, refreshMs: 60_000 },
  { name: '6h', label: '6 h', spanMs: 21_600_000, refreshMs: 60_000 },
  { name: '24h', label: '24 h', spanMs: 86_400_000, refreshMs: 60_000 },
  { name: '7d', label: '7 d', spanMs: 604_800_000, refreshMs: 60_000 },
] as const;
export type PresetName = (typeof PRESETS)[number]['name'];

export type TimeSelection =
  | { readonly kind: 'live' }
  | { readonly kind: 'last'; readonly preset: PresetName }
  | { readonly kind: 'absolute'; readonly fromMs: number; readonly toMs: number };

/** What the trend charts show while the page is live. */
export const LIVE_TREND_MS = 300_000;
/** What is asked of questions that have no live stream, such as the breakdown. */
export const LIVE_WINDOW_MS = 15_000;

export function isPresetName(name: string): name is PresetName {
  return PRESETS.some((preset) => preset.name === name);
}

function presetOf(name: PresetName): (typeof PRESETS)[number] {
  return PRESETS.find((preset) => preset.name === name) ?? PRESETS[0];
}

/** `from` and `to` as the API reads them; live is its newest `liveMs`. */
export function apiRange(
  selection: TimeSelection,
  liveMs: number = LIVE_WINDOW_MS,
): { readonly from: string; readonly to: string } {
  if (selection.kind === 'live') return { from: `-${Math.round(liveMs / 1000)}s`, to: 'now' };
  if (selection.kind === 'last') return { from: `-${selection.preset}`, to: 'now' };
  return {
    from: new Date(selection.fromMs).toISOString(),
    to: new Date(selection.toMs).toISOString(),
  };
}

/** How often a window's figures are asked for anew; null: never, it is the past. */
export function refreshMs(selection: TimeSelection): number | null {
  if (selection.kind === 'live') return 10_000;
  return selection.kind === 'last' ? presetOf(selection.preset).refreshMs : null;
}

/** The axis that trend charts draw. */
export function trendWindow(
  selection: TimeSelection,
  nowMs: number,
): { readonly fromMs: number; readonly toMs: number } {
  if (selection.kind === 'absolute') return { fromMs: selection.fromMs, toMs: selection.toMs };
  const spanMs = selection.kind === 'live' ? LIVE_TREND_MS : presetOf(selection.preset).spanMs;
  return { fromMs: nowMs - spanMs, toMs: nowMs };
}

export function rangeText(selection: TimeSelection): string {
  if (selection.kind === 'live') return 'live';
  if (selection.kind === 'last') return `last ${presetOf(selection.preset).label}`;
  const from = instantText(selection.fromMs).local;
  const to = instantText(selection.toMs).local;
  return from.slice(0, 10) === to.slice(0, 10) ? `${from} – ${to.slice(11)}` : `${from} – ${to}`;
}

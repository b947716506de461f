/** What is compared with what, as the URL of the page holds it. */
import type { CompareSide } from '#lib/api/compare.ts';
import { instantText } from './format.ts';

/** Times as the API reads them: unix nanoseconds, RFC 3339, or relative to now. null: its default. */
export interface SideChoice {
  /** null: the deployment of the page. */
  readonly deployment: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

export interface CompareChoice {
  readonly a: SideChoice;
  readonly b: SideChoice;
  /** Only figures that differ are listed. */
  readonly onlyDiffering: boolean;
}

export const NO_CHOICE: SideChoice = { deployment: null, from: null, to: null };
export const DEFAULT_COMPARE: CompareChoice = { a: NO_CHOICE, b: NO_CHOICE, onlyDiffering: false };

/** Longer is no time. */
const MAX_TEXT = 64;

export function parseCompare(search: URLSearchParams): CompareChoice {
  const side = (name: 'a' | 'b'): SideChoice => ({
    deployment: search.get(name) || null,
    from: timeText(search.get(`${name}.from`)),
    to: timeText(search.get(`${name}.to`)),
  });
  return { a: side('a'), b: side('b'), onlyDiffering: search.get('differs') === '1' };
}

function timeText(text: string | null): string | null {
  return text === null || text === '' || text.length > MAX_TEXT ? null : text;
}

export function serializeCompare(choice: CompareChoice, search: URLSearchParams): void {
  for (const name of ['a', 'b'] as const) {
    const { deployment, from, to } = choice[name];
    if (deployment !== null) search.set(name, deployment);
    if (from !== null) search.set(`${name}.from`, from);
    if (to !== null) search.set(`${name}.to`, to);
  }
  if (choice.onlyDiffering) search.set('differs', '1');
}

export function swapped({ a, b, ...rest }: CompareChoice): CompareChoice {
  return { ...rest, a: b, b: a };
}

/** Windows that a picker offers by name; `newest` is the API's default. */
export const SIDE_PRESETS = [
  { name: 'newest', label: 'default', from: null, to: null },
  { name: '1m', label: 'last minute', from: '-1m', to: null },
  { name: '5m', label: 'last 5 min', from: '-5m', to: null },
  { name: '15m', label: 'last 15 min', from: '-15m', to: null },
  { name: '1h', label: 'last hour', from: '-1h', to: null },
] as const;
export type SidePreset = (typeof SIDE_PRESETS)[number]['name'] | 'own';

export function presetOf({ from, to }: SideChoice): SidePreset {
  return SIDE_PRESETS.find((preset) => preset.from === from && preset.to === to)?.name ?? 'own';
}

const DAY_NS = 86_400_000_000_000n;

/** A side as it was answered, times in full: what it is moved from. */
export function exactSide({ deployment, window }: CompareSide): SideChoice {
  return { deployment, from: window.startUnixNs, to: window.endUnixNs };
}

/** The window directly before, as long. */
export function windowBefore(side: CompareSide): SideChoice {
  const start = BigInt(side.window.startUnixNs);
  return movedBack(side, BigInt(side.window.endUnixNs) - start);
}

export function sameTimeYesterday(side: CompareSide): SideChoice {
  return movedBack(side, DAY_NS);
}

function movedBack({ deployment, window }: CompareSide, byNs: bigint): SideChoice {
  const moved = (text: string): string => {
    const instant = BigInt(text) - byNs;
    return String(instant < 0n ? 0n : instant);
  };
  return { deployment, from: moved(window.startUnixNs), to: moved(window.endUnixNs) };
}

/** The window in the viewer's zone, and in UTC for the hover. */
export function windowText({ startUnixNs, endUnixNs }: CompareSide['window']): {
  readonly local: string;
  readonly utc: string;
} {
  const from = instantText(Number(BigInt(startUnixNs) / 1_000_000n));
  const to = instantText(Number(BigInt(endUnixNs) / 1_000_000n));
  const isOneDay = from.local.slice(0, 10) === to.local.slice(0, 10);
  return {
    local: `${from.local} – ${isOneDay ? to.local.slice(11) : to.local}`,
    utc: `${from.utc} – ${to.utc}`,
  };
}

/**
 * The balance of a report as the Balance page draws it.
 *
 *     gauge   FFN slower  ½ ──────[── band ──]─▲──────── 2  attention slower     log scale of Ea / Ef
 *     terms   m·Ea  ██████████████████    the largest is the bound, the next says how far away it is
 *     sides   attention  ███ compute ███//imbalance//··latency··                 adds up to the layer
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { SortKey } from './breakdown-table.ts';
import type { Term } from './definitions.ts';
import { STAGE_COLOURS } from './palette.ts';
import { type BoundName, HEALTHY_BUBBLE_RATIO } from './verdict.ts';

export type BalanceJson = NonNullable<ReportJson['balance']>;

/** The gauge ends at twice and half. */
const GAUGE_LIMIT = 2;
/** The faster side idles for `HEALTHY_BUBBLE_RATIO` of the layer at these. */
export const BAND: readonly [number, number] = [
  1 - HEALTHY_BUBBLE_RATIO,
  1 / (1 - HEALTHY_BUBBLE_RATIO),
];
export const GAUGE_TICKS: readonly number[] = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2];

export interface GaugeMark {
  readonly term: Term;
  readonly ratio: number;
  /** Place on the gauge, 0..1. */
  readonly at: number;
  readonly isBeyond: boolean;
}

export interface Gauge {
  readonly effective: GaugeMark;
  readonly median: GaugeMark;
  readonly slower: 'attention' | 'ffn';
  /** The slower side's effective time over the other's, minus one. */
  readonly excessRatio: number;
  readonly isInBand: boolean;
}

/** Place of a ratio of times on the gauge's log scale, clamped to it. */
export function gaugePlace(ratio: number): number {
  const at = (Math.log(ratio) / Math.log(GAUGE_LIMIT) + 1) / 2;
  return Math.min(1, Math.max(0, at));
}

/** null where a side has no time. */
export function gaugeOf(balance: BalanceJson): Gauge | null {
  const { taNs, tfNs, taEffectiveNs, tfEffectiveNs } = balance;
  if (!(taNs > 0 && tfNs > 0 && taEffectiveNs > 0 && tfEffectiveNs > 0)) return null;
  const effective = taEffectiveNs / tfEffectiveNs;
  return {
    effective: mark('effectiveRatio', effective),
    median: mark('medianRatio', taNs / tfNs),
    slower: effective >= 1 ? 'attention' : 'ffn',
    excessRatio: Math.max(effective, 1 / effective) - 1,
    isInBand: effective >= BAND[0] && effective <= BAND[1],
  };
}

function mark(term: Term, ratio: number): GaugeMark {
  return {
    term,
    ratio,
    at: gaugePlace(ratio),
    isBeyond: ratio > GAUGE_LIMIT || ratio < 1 / GAUGE_LIMIT,
  };
}

export interface TermPart {
  readonly label: string;
  readonly ns: number;
  readonly colour: string;
}

export interface TermRow {
  readonly id: keyof NonNullable<BalanceJson['termsNs']>;
  readonly term: Term;
  readonly bound: BoundName;
  readonly ns: number;
  /** Over the largest term. */
  readonly ratio: number;
  readonly isLargest: boolean;
  /** One, but for latency, which is made of several. */
  readonly parts: readonly TermPart[];
  /** The column of the layers table that shows it layer by layer. */
  readonly sort: SortKey;
}

/** The five terms of the ideal period; [] where the report does not carry them. */
export function termRows(balance: BalanceJson): readonly TermRow[] {
  const terms = balance.termsNs;
  if (terms === undefined) return [];
  const largestNs = Math.max(...Object.values(terms));
  const row = (
    id: TermRow['id'],
    term: Term,
    bound: BoundName,
    sort: SortKey,
    parts: readonly TermPart[],
  ): TermRow => ({
    id,
    term,
    bound,
    ns: terms[id],
    ratio: largestNs > 0 ? terms[id] / largestNs : 0,
    isLargest: terms[id] === largestNs,
    parts,
    sort,
  });
  const one = (label: string, ns: number, colour: string) => [{ label, ns, colour }];
  return [
    row(
      'attention',
      'termAttention',
      'attention-bound',
      'attentionNs',
      one('attention', terms.attention, STAGE_COLOURS.attention),
    ),
    row('ffn', 'termFfn', 'ffn-bound', 'ffnNs', one('FFN', terms.ffn, STAGE_COLOURS.expert)),
    row(
      'a2fLink',
      'termA2fLink',
      'network-bound',
      'a2fNs',
      one('A2F', terms.a2fLink, STAGE_COLOURS.a2f),
    ),
    row(
      'f2aLink',
      'termF2aLink',
      'network-bound',
      'f2aNs',
      one('F2A', terms.f2aLink, STAGE_COLOURS.f2a),
    ),
    row(
      'latency',
      'termLatency',
      'latency-bound',
      'periodNs',
      latencyParts(balance, terms.latency),
    ),
  ];
}

/** Transfers are medians of all layers: where they exceed the term, they share it. */
function latencyParts(balance: BalanceJson, latencyNs: number): readonly TermPart[] {
  const transfersNs = balance.ta2fNs + balance.tf2aNs;
  const scale = transfersNs > latencyNs ? latencyNs / transfersNs : 1;
  const serialNs = Math.max(0, latencyNs - transfersNs);
  return [
    { label: 'serial compute of both sides', ns: serialNs, colour: STAGE_COLOURS.host },
    { label: 'A2F transfer', ns: balance.ta2fNs * scale, colour: STAGE_COLOURS.a2f },
    { label: 'F2A transfer', ns: balance.tf2aNs * scale, colour: STAGE_COLOURS.f2a },
  ].filter((part) => part.ns > 0);
}

/** What would bound the layer next, and how far below the bound it is. */
export function nextTerm(rows: readonly TermRow[]): { row: TermRow; belowRatio: number } | null {
  const [first, second] = [...rows].sort((a, b) => b.ns - a.ns);
  if (first === undefined || second === undefined || !(first.ns > 0)) return null;
  return { row: second, belowRatio: 1 - second.ns / first.ns };
}

export interface SidePart {
  readonly term: Term;
  readonly label: string;
  readonly ratio: number;
  readonly look: 'filled' | 'hatched' | 'bare';
  readonly colour: string;
}

export interface Side {
  readonly role: 'attention' | 'ffn';
  readonly bubble: number;
  /** Of the layer; they add up to 1, but for parts too small to be told. */
  readonly parts: readonly SidePart[];
}

/** How each side would spend a layer of the ideal period. */
export function sidesOf(balance: BalanceJson): readonly Side[] {
  return [
    side(
      'attention',
      balance.attentionBubble,
      balance.attentionSteadyBubble,
      STAGE_COLOURS.attention,
      STAGE_COLOURS.expert,
    ),
    side(
      'ffn',
      balance.ffnBubble,
      balance.ffnSteadyBubble,
      STAGE_COLOURS.expert,
      STAGE_COLOURS.attention,
    ),
  ];
}

/** What would read 0.0 %. */
const LEAST_PART = 0.0005;

function side(
  role: Side['role'],
  bubble: number,
  split: BalanceJson['attentionSteadyBubble'],
  own: string,
  other: string,
): Side {
  const parts: SidePart[] = [
    { term: 'compute', label: 'compute', ratio: 1 - bubble, look: 'filled', colour: own },
  ];
  if (split === undefined) {
    parts.push({
      term: 'steadyBubble',
      label: 'steady bubble',
      ratio: bubble,
      look: 'hatched',
      colour: other,
    });
  } else {
    parts.push(
      {
        term: 'imbalanceBubble',
        label: role === 'attention' ? 'FFN is slower' : 'attention is slower',
        ratio: split.imbalance,
        look: 'hatched',
        colour: other,
      },
      {
        term: 'networkBubble',
        label: 'a link is busier',
        ratio: split.network,
        look: 'hatched',
        colour: STAGE_COLOURS.a2f,
      },
      {
        term: 'latencyBubble',
        label: 'round trip not hidden',
        ratio: split.latency,
        look: 'bare',
        colour: STAGE_COLOURS.host,
      },
    );
  }
  return { role, bubble, parts: parts.filter(({ ratio }) => ratio >= LEAST_PART) };
}

/** Measured over ideal period, minus one; null without a measurement. */
export function gapRatio(balance: BalanceJson): number | null {
  if (balance.measuredPeriodNs === null || !(balance.idealPeriodNs > 0)) return null;
  return balance.measuredPeriodNs / balance.idealPeriodNs - 1;
}

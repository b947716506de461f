/**
 * The time of a worker or a group as one stacked bar: compute, then the five parts of the bubble.
 *
 * The bar is the active time: a step was in flight and the worker's events were seen. Steps that a
 * sender left out and time without traffic are no bubble. Every cause of a bubble lies in active
 * time, so what is left of the active bubble is unattributed; where events outside of steps make
 * the causes exceed it, the bar is the whole window instead.
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Term } from './definitions.ts';
import { roleColour, STAGE_COLOURS } from './palette.ts';

type Activity = Pick<
  ReportJson['groups'][number],
  'windowNs' | 'activeNs' | 'activeBubbleNs' | 'computeNs' | 'bubble'
>;

export interface BarPart {
  readonly term: Term;
  readonly label: string;
  readonly ns: number;
  /** Share of the bar; the parts add up to 1. */
  readonly ratio: number;
  readonly look: 'filled' | 'hatched' | 'bare';
  readonly colour: string;
}

export interface Bar {
  readonly base: 'active' | 'window';
  readonly totalNs: number;
  /** In the order of the partition, empty ones left out. */
  readonly parts: readonly BarPart[];
}

export function barOf(activity: Activity, role: string): Bar {
  const { windowNs, activeNs, activeBubbleNs, computeNs, bubble } = activity;
  const causedNs = bubble.exposedTransferNs + bubble.waitPeerNs + bubble.copyNs + bubble.hostNs;
  if (activeNs > 0 && causedNs <= activeBubbleNs) {
    const inActive = { ...bubble, unattributedNs: activeBubbleNs - causedNs };
    return barIn('active', activeNs, activeNs - activeBubbleNs, inActive, role);
  }
  return barIn('window', windowNs, computeNs, bubble, role);
}

function barIn(
  base: Bar['base'],
  totalNs: number,
  computeNs: number,
  bubble: Activity['bubble'],
  role: string,
): Bar {
  if (!(totalNs > 0)) return { base, totalNs: 0, parts: [] };
  const awaited = role === 'attention' ? STAGE_COLOURS.expert : STAGE_COLOURS.attention;
  const outgoing = role === 'attention' ? STAGE_COLOURS.f2a : STAGE_COLOURS.a2f;
  const parts: Omit<BarPart, 'ratio'>[] = [
    {
      term: 'compute',
      label: 'compute',
      ns: computeNs,
      look: 'filled',
      colour: roleColour(role),
    },
    {
      term: 'exposedTransfer',
      label: 'exposed transfer',
      ns: bubble.exposedTransferNs,
      look: 'filled',
      colour: outgoing,
    },
    {
      term: 'waitPeer',
      label: waitLabel(role),
      ns: bubble.waitPeerNs,
      look: 'hatched',
      colour: awaited,
    },
    {
      term: 'copy',
      label: 'copy',
      ns: bubble.copyNs,
      look: 'filled',
      colour: STAGE_COLOURS.copy,
    },
    {
      term: 'host',
      label: 'host',
      ns: bubble.hostNs,
      look: 'filled',
      colour: STAGE_COLOURS.host,
    },
    {
      term: 'unattributed',
      label: 'unattributed',
      ns: bubble.unattributedNs,
      look: 'bare',
      colour: STAGE_COLOURS.host,
    },
  ];
  return {
    base,
    totalNs,
    parts: parts
      .filter((part) => part.ns > 0)
      .map((part) => ({ ...part, ratio: part.ns / totalNs })),
  };
}

/** Share of the window in which the worker's events were there; null for an empty window. */
export function observedRatio(
  activity: Pick<ReportJson['groups'][number], 'windowNs' | 'observedNs'>,
): number | null {
  return activity.windowNs > 0 ? activity.observedNs / activity.windowNs : null;
}

/** What a worker of this role waits for, in words. */
export function waitLabel(role: string): string {
  if (role === 'attention') return 'waiting for experts';
  if (role === 'ffn') return 'waiting for attention';
  return 'waiting for peers';
}

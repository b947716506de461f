/**
 * The time of a worker or a group as one stacked bar: compute, then the parts of the bubble.
 *
 *     causes known   compute | waits by cause, transfers of receives with them | exposed sends | …
 *     unknown        compute | exposed transfer | waiting for peers | copy | host | unattributed
 *
 * The bar is the active time: a step was in flight and the worker's events were seen. Steps that a
 * sender left out and time without traffic are no bubble. Every cause of a bubble lies in active
 * time, so what is left of the active bubble is unattributed; where events outside of steps make
 * the causes exceed it, the bar is the whole window instead.
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { CauseName } from '#lib/api/waits.ts';
import { causeColour } from './cause-look.ts';
import { causedNs, causeShares } from './causes-view.ts';
import type { Term } from './definitions.ts';
import { roleColour, STAGE_COLOURS, type ThemeName } from './palette.ts';

type Activity = Pick<
  ReportJson['groups'][number],
  'windowNs' | 'activeNs' | 'activeBubbleNs' | 'computeNs' | 'bubble' | 'causes'
>;

export interface BarPart {
  readonly term: Term;
  readonly label: string;
  readonly ns: number;
  /** Share of the bar; the parts add up to 1. */
  readonly ratio: number;
  readonly look: 'filled' | 'hatched' | 'bare';
  readonly colour: string;
  /** The cause that it is; null: another part. */
  readonly cause: CauseName | null;
}

export interface Bar {
  readonly base: 'active' | 'window';
  readonly totalNs: number;
  /** In the order of the partition, empty ones left out; they add up to the whole. */
  readonly parts: readonly BarPart[];
}

export function barOf(activity: Activity, role: string, theme: ThemeName): Bar {
  const { windowNs, activeNs, activeBubbleNs, computeNs, bubble } = activity;
  const waits = waitParts(activity, role, theme);
  const eventsNs = bubble.exposedTransferNs + bubble.waitPeerNs + bubble.copyNs + bubble.hostNs;
  if (activeNs > 0 && eventsNs <= activeBubbleNs) {
    const inActive = { ...bubble, unattributedNs: activeBubbleNs - eventsNs };
    return barIn('active', activeNs, activeNs - activeBubbleNs, inActive, role, waits);
  }
  return barIn('window', windowNs, computeNs, bubble, role, waits);
}

type Part = Omit<BarPart, 'ratio'>;

/** Transfers and waits: by cause where that is known. */
function waitParts(activity: Activity, role: string, theme: ThemeName): Part[] {
  const { exposedTransferNs, waitPeerNs } = activity.bubble;
  const awaited = role === 'attention' ? STAGE_COLOURS.expert : STAGE_COLOURS.attention;
  const outgoing = role === 'attention' ? STAGE_COLOURS.f2a : STAGE_COLOURS.a2f;
  // Sends, and waits outside of receives: what no receive was open for.
  const openNs = exposedTransferNs + waitPeerNs - causedNs(activity);
  const causes = openNs < 0 ? [] : causeShares(activity);
  const exposed = (ns: number): Part => ({
    term: 'exposedTransfer',
    label: causes.length > 0 ? 'exposed send' : 'exposed transfer',
    ns,
    look: 'filled',
    colour: outgoing,
    cause: null,
  });
  if (causes.length > 0) {
    return [
      ...causes.map(
        ({ look, ns }): Part => ({
          term: look.term,
          label: look.label,
          ns,
          look: look.name === 'unknownNs' ? 'bare' : 'hatched',
          colour: causeColour(look.name, role, theme),
          cause: look.name,
        }),
      ),
      exposed(openNs),
    ];
  }
  return [
    exposed(exposedTransferNs),
    {
      term: 'waitPeer',
      label: waitLabel(role),
      ns: waitPeerNs,
      look: 'hatched',
      colour: awaited,
      cause: null,
    },
  ];
}

function barIn(
  base: Bar['base'],
  totalNs: number,
  computeNs: number,
  bubble: Activity['bubble'],
  role: string,
  waits: readonly Part[],
): Bar {
  if (!(totalNs > 0)) return { base, totalNs: 0, parts: [] };
  const other = (
    term: Term,
    ns: number,
    colour: string,
    look: BarPart['look'] = 'filled',
  ): Part => ({ term, label: term, ns, look, colour, cause: null });
  const parts: Part[] = [
    other('compute', computeNs, roleColour(role)),
    ...waits,
    other('copy', bubble.copyNs, STAGE_COLOURS.copy),
    other('host', bubble.hostNs, STAGE_COLOURS.host),
    other('unattributed', bubble.unattributedNs, STAGE_COLOURS.host, 'bare'),
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

/** Causes below this share of the bar stand together, where there are several. */
const SMALL_RATIO = 0.005;
/** What would read 0.0 %. */
const LEAST_RATIO = 0.0005;

/** The parts that a list names one by one, and the small causes that it adds up. */
export function splitParts(parts: readonly BarPart[]): {
  readonly shown: readonly BarPart[];
  readonly small: readonly BarPart[];
} {
  const told = parts.filter(({ ratio }) => ratio >= LEAST_RATIO);
  const small = told.filter(({ cause, ratio }) => cause !== null && ratio < SMALL_RATIO);
  if (small.length < 2) return { shown: told, small: [] };
  return { shown: told.filter((part) => !small.includes(part)), small };
}

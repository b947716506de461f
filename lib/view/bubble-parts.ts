/** A window of a worker or a group as one stacked bar: compute, then the five parts of the bubble. */
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { Term } from './definitions.ts';
import { roleColour, STAGE_COLOURS } from './palette.ts';

type Activity = Pick<ReportJson['groups'][number], 'windowNs' | 'computeNs' | 'bubble'>;

export interface BarPart {
  readonly term: Term;
  readonly label: string;
  readonly ns: number;
  /** Share of the window; the parts of a bar add up to 1. */
  readonly ratio: number;
  readonly look: 'filled' | 'hatched' | 'bare';
  readonly colour: string;
}

/** Parts in the order of the partition, empty ones left out. */
export function barParts(activity: Activity, role: string): readonly BarPart[] {
  const { windowNs, computeNs, bubble } = activity;
  if (!(windowNs > 0)) return [];
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
  return parts
    .filter((part) => part.ns > 0)
    .map((part) => ({ ...part, ratio: part.ns / windowNs }));
}

/** What a worker of this role waits for, in words. */
export function waitLabel(role: string): string {
  if (role === 'attention') return 'waiting for experts';
  if (role === 'ffn') return 'waiting for attention';
  return 'waiting for peers';
}

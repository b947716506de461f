/**
 * How much of a group's active time it waited, by cause.
 *
 * The causes partition the bubble while a receive was open, transfers included; so in a bar they
 * stand in the place of "waiting for peers" and of the exposed transfers of receives.
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { CAUSES, type CauseLook } from './cause-look.ts';

type Activity = Pick<ReportJson['groups'][number], 'activeNs' | 'causes'>;

export interface CauseShare {
  readonly look: CauseLook;
  readonly ns: number;
  /** Of active time. */
  readonly ratio: number;
}

/** Sum of the causes: the bubble while a receive was open. */
export function causedNs({ causes }: Pick<Activity, 'causes'>): number {
  return CAUSES.reduce((sum, { name }) => sum + causes[name], 0);
}

/** Share of the waiting that has no known cause, 0..1; null where none of it is split by cause. */
export function unknownShare(activity: Pick<Activity, 'causes'>): number | null {
  const sumNs = causedNs(activity);
  const { unknownNs } = activity.causes;
  return sumNs > unknownNs ? unknownNs / sumNs : null;
}

/** Those that took time, in the order in which bars stack them; [] where none is split by cause. */
export function causeShares(activity: Activity): readonly CauseShare[] {
  if (unknownShare(activity) === null) return [];
  return CAUSES.map((look) => ({
    look,
    ns: activity.causes[look.name],
    ratio: activity.activeNs > 0 ? activity.causes[look.name] / activity.activeNs : 0,
  })).filter(({ ns }) => ns > 0);
}

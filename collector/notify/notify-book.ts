/** Groups and rates as they are on disk, and how they become documents. */
import {
  type NotifyGroup,
  type NotifyRate,
  notifyGroupSchema,
  notifyRateSchema,
} from '#lib/alert/notify-state.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import { parsedJson, shortHash } from './delivery.ts';

/** Status of a group's document. */
const OPEN = 'open';
const ENDED = 'ended';
const RATE = 'rate';

export class NotifyBook {
  readonly groups = new Map<string, NotifyGroup>();
  readonly rates = new Map<string, NotifyRate>();

  /** Takes a document of the kind `notify-group`; false: it is of no use any more. */
  read(document: StateDocument): boolean {
    const detail = parsedJson(document.detail);
    if (document.status === OPEN) {
      const group = notifyGroupSchema.safeParse(detail);
      if (group.success) this.groups.set(group.data.key, group.data);
      return group.success;
    }
    const rate = notifyRateSchema.safeParse(detail);
    if (document.status !== RATE || !rate.success) return false;
    this.rates.set(rate.data.receiver, rate.data);
    return true;
  }
}

export function groupDocument(group: NotifyGroup, nowUnixMs: number): StateDocument {
  return notifyDocument(groupId(group.key), OPEN, group.sinceUnixMs, nowUnixMs, group);
}

/** Removed after the commit; a restart in between finds it, and removes it then. */
export function endedDocument(key: string, nowUnixMs: number): StateDocument {
  return notifyDocument(groupId(key), ENDED, nowUnixMs, nowUnixMs, {});
}

export function rateDocument(rate: NotifyRate, nowUnixMs: number): StateDocument {
  return notifyDocument(`rate-${shortHash(rate.receiver)}`, RATE, nowUnixMs, nowUnixMs, rate);
}

export function groupId(key: string): string {
  return `group-${shortHash(key)}`;
}

function notifyDocument(
  id: string,
  status: string,
  createdUnixMs: number,
  nowUnixMs: number,
  detail: unknown,
): StateDocument {
  return {
    kind: 'notify-group',
    id,
    deployment: '',
    status,
    createdUnixNs: unixNanosFromMs(createdUnixMs),
    updatedUnixNs: unixNanosFromMs(nowUnixMs),
    detail: JSON.stringify(detail),
  };
}

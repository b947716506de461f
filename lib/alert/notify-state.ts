/** What telling people carries from one look to the next, and what one message holds. Stored as it is. */
import { z } from 'zod';
import { alertSchema } from '#lib/api/alerts.ts';
import type { LabelTest } from '#lib/api/matchers.ts';

/** Which alerts go to a receiver, and how they are put together. Durations in milliseconds. */
export interface NotifyRoute {
  readonly receiver: string;
  readonly takes: LabelTest;
  /** Later routes are looked at as well. */
  readonly continue: boolean;
  /** Names of labels; `...` alone: all. */
  readonly groupBy: readonly string[];
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  readonly sendResolved: boolean;
}

export interface NotifyTarget {
  readonly name: string;
  /**
   * `group`: a message for a group of alerts. `each`: a message for each alert and step of it, since the
   * other side keeps the state of each. `all`: the other side groups and repeats; it is told each change
   * at once, and what fires now and then again.
   */
  readonly mode: 'group' | 'each' | 'all';
  readonly rateLimit: { readonly messages: number; readonly perMs: number } | null;
}

const labels = z.record(z.string(), z.string());

/** Alerts that are told together. */
export const notifyGroupSchema = z.object({
  key: z.string(),
  receiver: z.string(),
  labels,
  /** When the group was made: its first message waits from here. */
  sinceUnixMs: z.number(),
  /** When its last message was planned; null: none yet. */
  lastUnixMs: z.number().nullable(),
  /** How many were planned. */
  messages: z.number(),
  /** Since when a due message is held back by the receiver's rate limit; null: none is. */
  heldSinceUnixMs: z.number().nullable(),
  /** Firing alerts by id, as the last message told them. */
  told: z.record(z.string(), alertSchema),
  /** Alerts of a message that is held back: they are told even if they end before it may go. */
  owed: z.record(z.string(), alertSchema),
});
export type NotifyGroup = z.infer<typeof notifyGroupSchema>;

/** When messages to a receiver with a rate limit were planned, within the limit's time. */
export const notifyRateSchema = z.object({
  receiver: z.string(),
  plannedUnixMs: z.array(z.number()),
});
export type NotifyRate = z.infer<typeof notifyRateSchema>;

export const notifyMessageSchema = z.object({
  groupKey: z.string(),
  groupLabels: labels,
  /**
   * `alerts`: they are as they are; `acknowledge`: somebody has taken it over (`each` alone).
   */
  action: z.enum(['alerts', 'acknowledge']),
  /** It says again what was said before. */
  isRepeat: z.boolean(),
  /** Firing first, each by its start; those that do not fire have ended. */
  alerts: z.array(alertSchema),
  /** How many more there are. */
  truncatedAlerts: z.number(),
  /** What the rate limit did to it; null: nothing. */
  held: z.object({ forMs: z.number(), groups: z.number() }).nullable(),
});
export type NotifyMessage = z.infer<typeof notifyMessageSchema>;

/** A message on disk that was not sent yet and is not being sent. */
export interface WaitingMessage {
  readonly id: string;
  readonly receiver: string;
  readonly message: NotifyMessage;
}

export interface PlannedMessage {
  readonly receiver: string;
  readonly message: NotifyMessage;
  /** The waiting message whose place it takes, with all that this one said; null: it is a new one. */
  readonly replaces: string | null;
}

export interface NotifyPlan {
  /** Groups that are new or changed. */
  readonly groups: readonly NotifyGroup[];
  /** Keys of groups that are over. */
  readonly ended: readonly string[];
  readonly rates: readonly NotifyRate[];
  readonly messages: readonly PlannedMessage[];
}

export function isFiring(alert: { readonly state: string }): boolean {
  return alert.state === 'firing';
}

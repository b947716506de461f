/** A message on its way, as memory and the store hold it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isFiring, type NotifyMessage, notifyMessageSchema } from '#lib/alert/notify-state.ts';
import { deliverySchema } from '#lib/api/alerts.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { LogEntry, StateDocument } from '#lib/store/state-store.ts';

/** What the delivery log shows, and what is needed to send it again. Holds no secret. */
export const storedDeliverySchema = deliverySchema.extend({
  message: notifyMessageSchema,
  /** Counts up when news takes the place of what was not sent yet; part of the key, so that no receiver drops the news as a repeat. */
  revision: z.number(),
  /** When what it says was decided: it is given up so long after. */
  contentUnixMs: z.number(),
});
export type Delivery = Readonly<z.infer<typeof storedDeliverySchema>>;

export interface NewDelivery {
  readonly receiver: string;
  readonly kind: string;
  readonly message: NotifyMessage;
  readonly nowUnixMs: number;
}

/** `salt` tells messages of one group apart; the same one gives the same id. */
export function newDelivery(of: NewDelivery, salt: string): Delivery {
  const id = shortHash(`${of.message.groupKey} ${salt}`);
  return {
    id,
    receiver: of.receiver,
    kind: of.kind,
    dedupKey: dedupKey(of.kind, of.message, id, 0),
    ...contentOf(of.message),
    state: 'waiting',
    createdUnixMs: of.nowUnixMs,
    attempts: 0,
    lastAttemptUnixMs: null,
    nextAttemptUnixMs: of.nowUnixMs,
    lastError: null,
    revision: 0,
    contentUnixMs: of.nowUnixMs,
  };
}

/** The same message with more to say, under a new key. */
export function withNews(delivery: Delivery, message: NotifyMessage, nowUnixMs: number): Delivery {
  const revision = delivery.revision + 1;
  return {
    ...delivery,
    ...contentOf(message),
    dedupKey: dedupKey(delivery.kind, message, delivery.id, revision),
    revision,
    contentUnixMs: nowUnixMs,
  };
}

/** PagerDuty tells alerts apart by it, the others repeats of one message. */
function dedupKey(kind: string, message: NotifyMessage, id: string, revision: number): string {
  const [first] = message.alerts;
  return kind === 'pagerduty' && first !== undefined ? first.id : `${id}-${revision}`;
}

function contentOf(message: NotifyMessage): Pick<Delivery, 'message' | 'alertIds' | 'status'> {
  const { alerts } = message;
  const status = alerts.some(isFiring) ? 'firing' : 'resolved';
  return { message, alertIds: alerts.map(({ id }) => id), status };
}

export function deliveryDocument(delivery: Delivery, nowUnixMs: number): StateDocument {
  return {
    kind: 'delivery',
    id: delivery.id,
    deployment: sharedDeployment(delivery.message),
    status: delivery.state,
    createdUnixNs: unixNanosFromMs(delivery.createdUnixMs),
    updatedUnixNs: unixNanosFromMs(nowUnixMs),
    detail: JSON.stringify(delivery),
  };
}

/** null: not one that this version wrote. */
export function readDelivery(document: StateDocument): Delivery | null {
  const parsed = storedDeliverySchema.safeParse(parsedJson(document.detail));
  return parsed.success ? parsed.data : null;
}

export interface Attempt {
  readonly receiver: string;
  readonly kind: string;
  readonly attempt: number;
  readonly outcome: 'sent' | 'failed';
  /** "200 OK", "503 Service Unavailable", "timed out after 10 s". */
  readonly detail: string;
  readonly durationMs: number;
}

/** Topic `attempt`, subject the delivery's id, detail an `Attempt`. */
export function attemptEntry(delivery: Delivery, attempt: Attempt, atUnixMs: number): LogEntry {
  return {
    topic: 'attempt',
    subject: delivery.id,
    deployment: sharedDeployment(delivery.message),
    atUnixNs: unixNanosFromMs(atUnixMs),
    part: String(attempt.attempt),
    detail: JSON.stringify(attempt),
  };
}

function sharedDeployment({ alerts }: NotifyMessage): string {
  const [first] = alerts;
  const isShared = alerts.every(({ deployment }) => deployment === first?.deployment);
  return isShared ? (first?.deployment ?? '') : '';
}

export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** 80 bits: messages are some thousands. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 20);
}

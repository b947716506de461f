/** The receivers file as routes and targets, with patterns that take linear time. */
import { labelTest } from '#lib/alert/matchers.ts';
import type { NotifyRoute, NotifyTarget } from '#lib/alert/notify-state.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { Receiver } from '#lib/config/receiver-schema.ts';
import { loadReceivers, type Receivers } from '#lib/config/receivers.ts';

export interface NotifySetup {
  readonly receivers: readonly Receiver[];
  readonly routes: readonly NotifyRoute[];
  readonly targets: ReadonlyMap<string, NotifyTarget>;
  /** Files of secrets are relative to this folder. */
  readonly folder: string;
  readonly warnings: readonly string[];
}

export const NO_SETUP: NotifySetup = {
  receivers: [],
  routes: [],
  targets: new Map(),
  folder: '.',
  warnings: [],
};

/** The error is one line for each problem; each names the file, the receiver or route, and the key. */
export function loadSetup(path: string): Result<NotifySetup, readonly string[]> {
  const loaded = loadReceivers(path);
  return loaded.ok ? setupOf(loaded.value, path) : loaded;
}

/** `path` names the file in messages. */
export function setupOf(file: Receivers, path: string): Result<NotifySetup, readonly string[]> {
  const routes: NotifyRoute[] = [];
  const problems: string[] = [];
  file.routes.forEach((route, index) => {
    const takes = labelTest(route.matchers);
    if (!takes.ok) {
      problems.push(`${path}: route ${index + 1}: matchers: ${takes.error}`);
      return;
    }
    routes.push({
      receiver: route.receiver,
      takes: takes.value,
      continue: route.continue,
      groupBy: route.group_by,
      groupWaitMs: route.group_wait,
      groupIntervalMs: route.group_interval,
      repeatIntervalMs: route.repeat_interval,
      sendResolved: route.send_resolved,
    });
  });
  if (problems.length > 0) return err(problems);
  const { receivers, folder, warnings } = file;
  const targets = new Map(receivers.map((receiver) => [receiver.name, targetOf(receiver)]));
  return ok({ receivers, routes, targets, folder, warnings });
}

function targetOf(receiver: Receiver): NotifyTarget {
  const { name, kind } = receiver;
  if (kind === 'alertmanager') return { name, mode: 'all', rateLimit: null };
  const { rate_limit: limit } = receiver;
  const rateLimit = limit === undefined ? null : { messages: limit.messages, perMs: limit.per };
  return { name, mode: kind === 'pagerduty' ? 'each' : 'group', rateLimit };
}

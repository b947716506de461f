/** An alert service on a store of the test, as the admin server asks it. */
import type { AlertDesk } from '#collector/admin/alert-routes.ts';
import { AlertService } from '#collector/alert/alert-service.ts';
import { notFound } from '#collector/alert/refusal.ts';
import { alertRuleSchema } from '#lib/api/alert-rules.ts';
import { ruleCheck } from '#lib/query/alert-rules.ts';
import type { StateChanges } from '#lib/store/state-store.ts';

/** With one built-in rule, `busy`. */
export function alertServiceOn(
  change: (changes: StateChanges) => Promise<void>,
  nowUnixMs: () => number,
): AlertService {
  return new AlertService({
    standing: [
      {
        rule: alertRuleSchema.parse({ name: 'busy', metric: 'busy_ratio', threshold: 0.5 }),
        source: 'builtin',
      },
    ],
    check: ruleCheck,
    ruleProblems: [],
    store: { change, pin: async () => undefined, unpin: async () => undefined },
    overviews: () => new Map(),
    conditions: () => [],
    notifier: { plan: () => [], committed: () => undefined },
    recorder: {
      fired: () => ({ incidentId: 'x', documents: [], pins: [] }),
      follow: () => [],
    },
    nowUnixMs,
    onWarning: (message) => {
      throw new Error(message);
    },
  });
}

export function deskOf(service: AlertService): AlertDesk {
  return {
    alerts: () => service.alerts(),
    rules: () => service.rules(),
    acknowledge: (body) => service.acknowledge(body),
    putRule: (body, basedOn) => service.putRule(body, basedOn),
    deleteRule: (name) => service.deleteRule(name),
    putSilence: (body) => service.putSilence(body),
    expireSilence: (id) => service.expireSilence(id),
    receivers: () => ({ receivers: [], file: null, problem: null }),
    testReceiver: async () => notFound('No receivers are configured.', 'receiver'),
  };
}

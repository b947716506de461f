/** Alerting, put together: what the configuration and the database say, and who is told. */
import type { AlertDesk } from '#collector/admin/alert-routes.ts';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import type { Logger } from '#collector/observe/log.ts';
import type { Config } from '#lib/config/load-config.ts';
import { ruleCheck, standingRules } from '#lib/query/alert-rules.ts';
import type { AlertStore } from './alert-parts.ts';
import { AlertService } from './alert-service.ts';
import { notFound } from './refusal.ts';
import { readAlertState } from './stored-state.ts';

export interface StartAlertsOptions {
  readonly config: Config;
  readonly store: AlertStore;
  readonly log: Pick<Logger, 'warn'>;
}

/** Through the ingest thread, which holds the writers. */
export function alertStoreOf(ingest: Pick<IngestService, 'change'>): AlertStore {
  return {
    change: async (changes) => {
      await ingest.change({ kind: 'change-state', changes });
    },
    pin: async (pin) => {
      await ingest.change({ kind: 'pin', pin });
    },
    unpin: async (pinId) => {
      await ingest.change({ kind: 'unpin', pinId });
    },
  };
}

export async function startAlerts(options: StartAlertsOptions): Promise<AlertDesk> {
  const { config, store, log } = options;
  const { standing, problems } = standingRules(config.alerts);
  for (const problem of problems) log.warn(problem);
  const service = new AlertService({
    standing,
    check: ruleCheck,
    ruleProblems: problems,
    store,
    nowUnixMs: Date.now,
    onWarning: (message) => log.warn(message),
  });
  service.load(await readAlertState({ data: config.dataDir, store: config.store }, Date.now()));
  return {
    alerts: () => service.alerts(),
    rules: () => service.rules(),
    acknowledge: (body) => service.acknowledge(body),
    putRule: (body, basedOn) => service.putRule(body, basedOn),
    deleteRule: (name) => service.deleteRule(name),
    putSilence: (body) => service.putSilence(body),
    expireSilence: (id) => service.expireSilence(id),
    receivers: () => ({ receivers: [], file: config.alerts.receiversFile, problem: null }),
    testReceiver: async () => notFound('No receivers are configured.', 'receiver'),
  };
}

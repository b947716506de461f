/** Alerting, put together: what the configuration and the database say, who is told, what is recorded. */
import type { AlertDesk } from '#collector/admin/alert-routes.ts';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import { Notifier } from '#collector/notify/notifier.ts';
import type { ReceiverCounts } from '#collector/notify/notify-counts.ts';
import { loadSetup, NO_SETUP, type NotifySetup } from '#collector/notify/receivers-setup.ts';
import type { Logger } from '#collector/observe/log.ts';
import { baseUrl } from '#collector/supervise/announce.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { type ReceiverTest, receiverTestRequestSchema } from '#lib/api/alerts.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { Overview } from '#lib/api/live-event.ts';
import type { Config } from '#lib/config/load-config.ts';
import { ruleCheck, standingRules } from '#lib/query/alert-rules.ts';
import { StoreUnavailableError } from '#lib/store/store-errors.ts';
import type { AlertStore, IncidentRecorder } from './alert-parts.ts';
import { AlertService } from './alert-service.ts';
import type { LoopCounts } from './loop-counts.ts';
import { notFound, type Refusable, wrongBody } from './refusal.ts';
import { readAlertState, readSamples } from './stored-state.ts';

export interface StartAlertsOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: AlertStore;
  readonly overviews: () => ReadonlyMap<string, Overview>;
  readonly conditions: () => readonly Condition[];
  readonly recorder: Pick<IncidentRecorder, 'fired' | 'follow'>;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

export interface RunningAlerts extends AlertDesk {
  readonly counts: LoopCounts;
  activeRules(): readonly AlertRule[];
  deliveryCounts(): readonly ReceiverCounts[];
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 1000;
/** A hung worker must be told within seconds, however many deployments there are. */
const MAX_PERIOD_MS = 5000;

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

/**
 * Resolves when rules, alerts and samples of before are known, or the database turned out to be unreadable;
 * the first look comes a second later, or once it can be read.
 */
export async function startAlerts(options: StartAlertsOptions): Promise<RunningAlerts> {
  const { config, env, store, log } = options;
  const { standing, problems } = standingRules(config.alerts);
  for (const problem of problems) log.warn(problem);
  const receivers = receiversOf(config.alerts.receiversFile, log);
  const notifier = new Notifier({
    setup: receivers.setup,
    keepsUnknown: receivers.problem !== null,
    externalUrl: config.alerts.externalUrl ?? baseUrl(config.web.host, config.web.port),
    store,
    log,
    env,
    nowUnixMs: Date.now,
  });
  const service = new AlertService({
    ...options,
    standing,
    check: ruleCheck,
    ruleProblems: problems,
    notifier,
    nowUnixMs: Date.now,
    onWarning: (message) => log.warn(message),
  });
  const location = { data: config.dataDir, store: config.store };
  let knowsAlerts = false;
  let knowsSamples = false;
  /** false: the database cannot be read. Nothing is evaluated then: all would seem new, and be told again. */
  const recall = async (): Promise<boolean> => {
    try {
      if (!knowsAlerts) {
        const stored = await readAlertState(location, Date.now());
        service.load(stored);
        notifier.start(stored.messages);
        knowsAlerts = true;
      }
      if (!knowsSamples) {
        const sinceUnixMs = Date.now() - service.lookBackMs;
        await readSamples(location, sinceUnixMs, (set) => service.remember(set));
        knowsSamples = true;
      }
      return true;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return false;
    }
  };
  if (!(await recall())) {
    log.warn('alerts wait until the database can be read: what fired before is not known');
  }
  const clock = startClock(
    async () => {
      if (await recall()) await service.look();
    },
    service.counts,
    log,
  );
  return {
    counts: service.counts,
    activeRules: () => service.activeRules(),
    deliveryCounts: () => notifier.counts.all(),
    alerts: () => service.alerts(),
    rules: () => service.rules(),
    acknowledge: (body) => service.acknowledge(body),
    putRule: (body, basedOn) => service.putRule(body, basedOn),
    deleteRule: (name) => service.deleteRule(name),
    putSilence: (body) => service.putSilence(body),
    expireSilence: (id) => service.expireSilence(id),
    receivers: () => ({
      receivers: notifier.receivers().map(({ name, kind }) => ({ name, kinds: [kind] })),
      file: config.alerts.receiversFile,
      problem: receivers.problem,
    }),
    testReceiver: (body) => testReceiver(notifier, body),
    stop: async () => {
      await clock.stop();
      await service.stop();
      await notifier.stop();
    },
  };
}

/** A file that cannot be used must not keep the collector from storing: nobody is told, and it says so. */
function receiversOf(
  file: string | null,
  log: StartAlertsOptions['log'],
): { readonly setup: NotifySetup; readonly problem: string | null } {
  if (file === null) return { setup: NO_SETUP, problem: null };
  const loaded = loadSetup(file);
  if (loaded.ok) {
    for (const warning of loaded.value.warnings) log.warn(warning);
    return { setup: loaded.value, problem: null };
  }
  for (const problem of loaded.error) log.warn(`nobody is told of alerts: ${problem}`);
  return { setup: NO_SETUP, problem: loaded.error.join('\n') };
}

async function testReceiver(notifier: Notifier, body: unknown): Promise<Refusable<ReceiverTest>> {
  const parsed = receiverTestRequestSchema.safeParse(body);
  if (!parsed.success) return wrongBody(parsed.error);
  const { receiver } = parsed.data;
  const result = await notifier.testMessage(receiver);
  if (result === null) return notFound(`There is no receiver ${receiver}.`, 'receiver');
  return { ok: true, value: { results: [result] } };
}

/**
 * One look after the other. One that fails is counted, logged once in a while, and the next comes as always;
 * where looks take long they come less often, so that alerting takes a tenth of the thread at most.
 */
function startClock(look: () => Promise<void>, counts: LoopCounts, log: StartAlertsOptions['log']) {
  let isStopped = false;
  let looking: Promise<void> = Promise.resolve();
  let failures = 0;
  let timer = setTimeout(tick, LOOK_EVERY_MS);
  function tick(): void {
    const startedMs = performance.now();
    looking = look()
      .catch((error: unknown) => {
        counts.failed();
        if (failures++ % 60 === 0) log.warn({ err: error }, 'alerts could not be evaluated');
      })
      .finally(() => {
        const tookMs = performance.now() - startedMs;
        const periodMs = Math.min(MAX_PERIOD_MS, Math.max(LOOK_EVERY_MS, tookMs * 10));
        if (!isStopped) timer = setTimeout(tick, Math.max(0, periodMs - tookMs));
      });
  }
  return {
    stop: async (): Promise<void> => {
      isStopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

/** Alerting, put together: what the configuration and the database say, who is told, what is recorded. */
import type { AlertDesk } from '#collector/admin/alert-routes.ts';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import { Notifier } from '#collector/notify/notifier.ts';
import type { ReceiverCounts } from '#collector/notify/notify-counts.ts';
import type { ConditionBoard } from '#collector/observe/condition-board.ts';
import type { Logger } from '#collector/observe/log.ts';
import { baseUrl } from '#collector/supervise/announce.ts';
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { type ReceiverTest, receiverTestRequestSchema } from '#lib/api/alerts.ts';
import type { Condition } from '#lib/api/condition.ts';
import type { Overview } from '#lib/api/live-event.ts';
import type { Config } from '#lib/config/load-config.ts';
import { ruleCheck } from '#lib/query/alert-rules.ts';
import { StoreUnavailableError } from '#lib/store/store-errors.ts';
import {
  type AlertFilesOptions,
  changedReceivers,
  changedRules,
  firstReceivers,
  firstRules,
} from './alert-files.ts';
import type { AlertStore, IncidentRecorder } from './alert-parts.ts';
import { AlertService } from './alert-service.ts';
import { FileWatch } from './file-watch.ts';
import { LookClock } from './look-clock.ts';
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
  readonly board: Pick<ConditionBoard, 'begin' | 'end'>;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  /** How often rules and receivers files are looked at; default two seconds. */
  readonly fileLookEveryMs?: number;
}

export interface RunningAlerts extends AlertDesk {
  readonly counts: LoopCounts;
  activeRules(): readonly AlertRule[];
  deliveryCounts(): readonly ReceiverCounts[];
  stop(): Promise<void>;
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

/**
 * Resolves when rules, alerts and samples of before are known, or the database turned out to be unreadable;
 * the first look comes a second later, or once it can be read.
 */
export async function startAlerts(options: StartAlertsOptions): Promise<RunningAlerts> {
  const { board, config, env, store, log } = options;
  const files: AlertFilesOptions = { config: config.alerts, board, log };
  // Watches begin before their files are read, so that no change is missed.
  const watches = startWatches(config.alerts, options.fileLookEveryMs, {
    rules: () => {
      rules = changedRules(files, rules);
      service.setStanding(rules);
    },
    receivers: async () => {
      receivers = changedReceivers(files, receivers);
      if (receivers.problem === null) await notifier.reload(receivers.setup);
    },
  });
  let rules = firstRules(files);
  let receivers = firstReceivers(files);
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
    standing: rules.standing,
    check: ruleCheck,
    ruleProblems: rules.problems,
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
  const clock = new LookClock({
    look: async () => {
      if (!(await recall())) return 'the database cannot be read';
      await service.look();
      return null;
    },
    counts: service.counts,
    board,
    log,
  });
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
      for (const watch of watches) await watch.stop();
      await clock.stop();
      await service.stop();
      await notifier.stop();
    },
  };
}

function startWatches(
  { receiversFile, rulesFile }: Config['alerts'],
  everyMs: number | undefined,
  on: { readonly rules: () => void; readonly receivers: () => Promise<void> },
): readonly FileWatch[] {
  const every = everyMs === undefined ? {} : { everyMs };
  return [
    ...(rulesFile === null
      ? []
      : [new FileWatch({ path: rulesFile, onChange: on.rules, ...every })]),
    ...(receiversFile === null
      ? []
      : [new FileWatch({ path: receiversFile, onChange: on.receivers, ...every })]),
  ];
}

async function testReceiver(notifier: Notifier, body: unknown): Promise<Refusable<ReceiverTest>> {
  const parsed = receiverTestRequestSchema.safeParse(body);
  if (!parsed.success) return wrongBody(parsed.error);
  const { receiver } = parsed.data;
  const result = await notifier.testMessage(receiver);
  if (result === null) return notFound(`There is no receiver ${receiver}.`, 'receiver');
  return { ok: true, value: { results: [result] } };
}

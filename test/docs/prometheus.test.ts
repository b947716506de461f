/**
 * docs/prometheus and docs/grafana: rules pass promtool, their metrics are there, and a real Prometheus
 * that scrapes a real admin port fires them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type AdminServer, startAdmin } from '#collector/admin/admin-server.ts';
import { LiveClients } from '#collector/admin/live-clients.ts';
import { createMetrics } from '#collector/admin/metrics.ts';
import { ConditionBoard } from '#collector/observe/condition-board.ts';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { idleIngestStats, sampleOverview } from '#test/support/admin-samples.ts';
import { alertServiceOn, deskOf } from '#test/support/alert-service.ts';

const DOCS = resolve(import.meta.dirname, '../../docs');
const RULES = join(DOCS, 'prometheus/rules.yaml');
const PROMTOOL = '/usr/bin/promtool';
const PROMETHEUS = '/usr/bin/prometheus';
const SOON = { timeout: 60_000, interval: 250 };
if (!existsSync(PROMETHEUS)) {
  process.stdout.write('skipped: no /usr/bin/prometheus (apt-get install prometheus)\n');
}

const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});
const panelSchema = z.object({
  id: z.number(),
  title: z.string().min(1),
  description: z.string().min(1),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string() }) }),
  targets: z.array(z.object({ expr: z.string() })).min(1),
});
const dashboardSchema = z.object({ uid: z.string(), panels: z.array(panelSchema) });

const rules = rulesSchema
  .parse(parse(readFileSync(RULES, 'utf8')))
  .groups.flatMap((group) => group.rules);
const dashboards = ['afdscope-deployment', 'afdscope-collector'].map((name) =>
  dashboardSchema.parse(JSON.parse(readFileSync(join(DOCS, `grafana/${name}.json`), 'utf8'))),
);
/** What Grafana would put in. */
const exprs = dashboards
  .flatMap(({ panels }) => panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)))
  .map((expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, 'x'));

const hung: Overview = {
  ...sampleOverview('hung'),
  hangs: sampleOverview('hung').hangs!.map((hang) => ({
    ...hang,
    kind: 'hang',
    untilUnixNs: null,
  })),
};
const overviews = new Map([
  ['well', { ...sampleOverview('well'), hangs: [], stragglers: [] }],
  ['hung', hung],
]);
const live = {
  deployments: () => [...overviews.keys()],
  subscribe: () => () => {},
  latestOverviews: () => overviews,
};
const board = new ConditionBoard({ info: () => {}, warn: () => {}, error: () => {} });
const metrics = createMetrics({
  version: '1.2.3',
  receiver: new ReceiverStats(new ByteBudget(1000)),
  ingest: idleIngestStats,
  rejected: () => ({}),
  live,
  clients: new LiveClients(live),
  board,
  door: { waiting: 0 },
  nowUnixMs: Date.now,
});

let admin: AdminServer;
let text: string;
beforeAll(async () => {
  admin = await startAdmin({
    address: { host: '127.0.0.1', port: 0 },
    parts: () => ({
      metrics,
      clients: new LiveClients(live),
      state: { putAnnotation: async () => {}, deleteAnnotation: async () => false },
      imports: {
        receive: () => Promise.reject(new Error('none')),
        list: async () => [],
        remove: async () => ({ found: false, unpinned: 0 }),
      },
      incidents: {
        freeze: () => Promise.reject(new Error('none')),
        change: () => Promise.reject(new Error('none')),
        remove: async () => false,
      },
      alerts: deskOf(alertServiceOn(async () => undefined, Date.now)),
    }),
    adminToken: 'x',
    nowUnixMs: Date.now,
    notReady: () => [],
    notAlive: () => [],
    readiness: () => ({ conditions: [], queueWaitMs: 0, waitingRequests: 0, refused: {} }),
    status: () => ({}),
    onError: () => {},
  });
  text = await (await fetch(`http://127.0.0.1:${admin.port}/metrics`)).text();
});
afterAll(() => admin?.close());

describe('rules and dashboards for Prometheus', () => {
  test('name only metrics that there are', () => {
    const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    const named = [...rules.map(({ expr }) => expr), ...exprs].flatMap((expr) =>
      [...expr.matchAll(/\b(?:afdscope|process)_[a-z_]+/g)].map(([name]) => name),
    );
    const isKnown = (name: string): boolean =>
      known.has(name) || known.has(name.replace(/_(?:bucket|sum|count)$/, ''));
    expect(named.length).toBeGreaterThan(30);
    expect([...new Set(named)].filter((name) => !isKnown(name))).toEqual([]);
  });

  test('panels have a title, a unit, a description, and a place of their own', () => {
    for (const { panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const taken = new Set<string>();
      for (const { gridPos, title } of panels) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(taken.has(`${x},${y}`), `${title} lies on another`).toBe(false);
            taken.add(`${x},${y}`);
          }
        }
      }
    }
  });

  test.skipIf(!existsSync(PROMTOOL))('promtool checks and tests the rules', () => {
    expect(() => execFileSync(PROMTOOL, ['check', 'rules', RULES])).not.toThrow();
    const tests = join(DOCS, 'prometheus/rules.test.yaml');
    expect(() => execFileSync(PROMTOOL, ['test', 'rules', tests])).not.toThrow();
  });
});

describe.skipIf(!existsSync(PROMETHEUS))('a real Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'afdscope-prometheus-'));
  let url: string;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const config = join(folder, 'prometheus.yml');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [
          { job_name: 'afdscope', static_configs: [{ targets: [`127.0.0.1:${admin.port}`] }] },
        ],
      }),
    );
    const child = spawn(
      PROMETHEUS,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise<void>((done) => {
      child.on('exit', () => done());
    });
    stop = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    await vi.waitFor(async () => expect((await fetch(`${url}/-/ready`)).ok).toBe(true), SOON);
  }, 90_000);
  afterAll(async () => {
    await stop?.();
    rmSync(folder, { recursive: true, force: true });
  });

  const answerSchema = z.object({ status: z.string(), data: z.unknown() });
  async function ask(path: string): Promise<z.infer<typeof answerSchema>> {
    return answerSchema.parse(await (await fetch(`${url}${path}`)).json());
  }

  test('scrapes the metrics and fires for the deployment that hangs, alone', async () => {
    const alertsSchema = z.object({
      alerts: z.array(z.object({ labels: z.record(z.string(), z.string()), state: z.string() })),
    });
    const firing = async () => {
      const { alerts } = alertsSchema.parse((await ask('/api/v1/alerts')).data);
      return alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => `${labels.alertname} ${labels.deployment}`);
    };
    await expect.poll(firing, SOON).toEqual(['AfdscopeHungWorker hung']);
  }, 90_000);

  test('understands every expression of the dashboards', async () => {
    for (const expr of exprs) {
      const { status } = await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`);
      expect(status, expr).toBe('success');
    }
  }, 90_000);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * What the server's routes and pages share, made once in the process. Next gives each of its
 * bundles its own instance of this module, so the services hang on one `globalThis` symbol. This is
 * the only file of the web that reads the environment or opens a store.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig } from '#lib/config/load-config.ts';
import { ExportThreads } from '#lib/query/export-stream.ts';
import { setupFacts } from '#lib/query/postmortem-setup.ts';
import { QueryPool } from '#lib/query/query-pool.ts';
import type { PostmortemQuestion, Questions } from '#lib/query/questions.ts';
import { CollectorLink } from './collector-link.ts';

export interface Services {
  readonly pool: QueryPool;
  readonly exports: ExportThreads;
  readonly collector: CollectorLink;
  /** Which alert rules stand beside those that are stored. */
  readonly alertRules: Questions['alertRules']['question'];
  /** Versions and configuration, as reports tell them. */
  readonly setup: PostmortemQuestion['setup'];
}

const SERVICES = Symbol.for('afdscope.web.services');

export function services(): Services {
  const known: unknown = Reflect.get(globalThis, SERVICES);
  if (isServices(known)) return known;
  const made = createServices(process.env);
  Reflect.set(globalThis, SERVICES, made);
  return made;
}

function createServices(env: NodeJS.ProcessEnv): Services {
  const root = resolve(/*turbopackIgnore: true*/ env.AFDSCOPE_ROOT ?? process.cwd());
  const dataDir = resolve(root, env.AFDSCOPE_DATA ?? 'data');
  // A published package has the thread bundled; a checkout runs its source.
  const bundled = join(root, 'dist/query-worker.js');
  const threads = {
    workerFile: existsSync(bundled) ? bundled : join(root, 'lib/query/query-worker.ts'),
    store: env.AFDSCOPE_STORE ?? 'sqlite',
    dataDir,
  };
  const version = versionIn(root);
  // The supervisor hands the configuration over in variables.
  const loaded = loadConfig({ env, cwd: root, file: null });
  return {
    pool: new QueryPool(threads),
    exports: new ExportThreads({ ...threads, version }),
    alertRules: {
      rulesFile: loaded.ok ? loaded.value.config.alerts.rulesFile : null,
      tpotTargetNs: loaded.ok ? loaded.value.config.alerts.tpotTargetNs : 50e6,
    },
    setup: setupFacts(version, loaded.ok ? loaded.value.config : null, 'of the dashboard'),
    collector: new CollectorLink(env.AFDSCOPE_RUNTIME ?? join(dataDir, 'runtime.json')),
  };
}

function versionIn(root: string): string {
  const text = readFileSync(/*turbopackIgnore: true*/ join(root, 'package.json'), 'utf8');
  const found: unknown = JSON.parse(text);
  const version = typeof found === 'object' && found !== null ? Reflect.get(found, 'version') : '';
  return typeof version === 'string' ? version : '';
}

/** The value was set by another instance of this module, whose classes are not ours. */
function isServices(value: unknown): value is Services {
  return typeof value === 'object' && value !== null && 'pool' in value && 'collector' in value;
}

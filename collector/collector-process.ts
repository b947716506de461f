/** Runs a collector until the process is told to stop. */

import { createLog } from '#collector/observe/log.ts';
import { Collector, CollectorStartError } from '#collector/run-collector.ts';
import {
  RuntimeFileError,
  removeRuntimeFile,
  runtimeFilePath,
  writeRuntimeFile,
} from '#collector/supervise/runtime-file.ts';
import { onStopSignals } from '#collector/supervise/stop-signals.ts';
import type { Config } from '#lib/config/load-config.ts';
import { readVersion } from '#lib/config/read-version.ts';

export interface CollectorProcessOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of package.json. */
  readonly root: string;
  /** The supervisor writes runtime.json and says what people need to know. */
  readonly supervised: boolean;
}

/** From the first signal; the supervisor waits 6 s before it kills. */
const STOP_DEADLINE_MS = 5500;

/** Resolves to the exit code. */
export async function runCollectorProcess(options: CollectorProcessOptions): Promise<number> {
  const { config, env, supervised } = options;
  const log = createLog('collector', env.AFDSCOPE_LOG ?? 'info', process.stderr.isTTY === true);
  const runtimePath = runtimeFilePath(config.dataDir);
  const collector = new Collector({
    config,
    env,
    version: readVersion(options.root),
    log,
    onFatal: (reason) => {
      log.fatal(reason);
      process.exit(1);
    },
  });

  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const forget = onStopSignals({
    stop: (why) => {
      if (!supervised) log.info(`${why}: stopping`);
      setTimeout(() => {
        log.error(`did not end within ${STOP_DEADLINE_MS / 1000} s; leaving`);
        process.exit(1);
      }, STOP_DEADLINE_MS).unref();
      ask();
    },
    force: () => process.exit(130),
  });

  let exitCode = 0;
  try {
    // Told to stop meanwhile, it still starts: what is half open cannot be closed.
    const addresses = await collector.start();
    if (!supervised) {
      writeRuntimeFile(runtimePath, {
        schema: 'afdscope.runtime/1',
        pid: process.pid,
        startedUnixMs: collector.startedUnixMs,
        web: null,
        ...addresses,
        adminToken: collector.adminToken,
      });
    }
    process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, ...addresses })}\n`);
    await asked;
  } catch (error) {
    if (error instanceof CollectorStartError || error instanceof RuntimeFileError) {
      process.stderr.write(`afdscope: ${error.message}\n`);
    } else log.fatal({ err: error }, 'the collector failed to start');
    exitCode = 1;
  }
  await collector.stop();
  if (!supervised) removeRuntimeFile(runtimePath);
  forget();
  return exitCode;
}

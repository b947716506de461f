/**
 * The collector as a process of its own: configuration from the environment and the file, one JSON
 * line on stdout when OTLP is accepted, an orderly end on SIGTERM or when the parent is gone.
 */
import { join } from 'node:path';
import { runCollectorProcess } from '#collector/collector-process.ts';
import { loadConfig } from '#lib/config/load-config.ts';
import { compileSoundly } from '../bin/process-settings.js';

if (import.meta.main) {
  compileSoundly();
  const supervised = process.env.AFDSCOPE_RUNTIME !== undefined;
  const loaded = loadConfig({
    env: process.env,
    cwd: process.cwd(),
    // The supervisor hands over everything in the environment.
    file: supervised ? null : undefined,
  });
  if (loaded.ok) {
    process.exitCode = await runCollectorProcess({
      config: loaded.value.config,
      env: process.env,
      root: join(import.meta.dirname, '..'),
      supervised,
    });
  } else {
    for (const problem of loaded.error) process.stderr.write(`${problem}\n`);
    process.exitCode = 2;
  }
}

/**
 * The simulated cluster as a process of its own. Prints one JSON line when it runs:
 * `{"ready":true,"control":"http://127.0.0.1:PORT"}`. Messages go to stderr.
 */
import { onStopSignals } from '#collector/supervise/stop-signals.ts';
import { errorText } from '#lib/base/error-text.ts';
import { compileSoundly } from '../../bin/process-settings.js';
import { SimulatedCluster } from './cluster.ts';
import { startControlServer } from './control-server.ts';
import { parseOptions, USAGE } from './options.ts';
import { watchParent } from './parent-watch.ts';

/** Everything is over within 3 s of the signal. */
const FLUSH_MS = 2000;

function say(text: string): void {
  process.stderr.write(`simulated cluster: ${text}\n`);
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return;
  }
  const options = parseOptions(args);
  if (!options.ok) {
    say(`${options.error}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const cluster = new SimulatedCluster(options.value, say);
  const control = await startControlServer(cluster, options.value.controlPort);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void Promise.all([cluster.stop(FLUSH_MS), control.close()]).then(() => process.exit(0));
  };
  onStopSignals({ stop, force: () => process.exit(1) });
  watchParent(stop);
  process.stdout.write(`${JSON.stringify({ ready: true, control: control.url })}\n`);
  await cluster.run();
}

compileSoundly();
main(process.argv.slice(2)).catch((error: unknown) => {
  say(errorText(error));
  process.exit(1);
});

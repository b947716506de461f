/**
 * A process that plans one message until it is killed: run with the data folder, the receivers file, and
 * `commit` (writes the message and sends nothing) or `send` (sends it, too). Prints what it has done.
 */
import { readFileSync } from 'node:fs';
import { NotifyWorld } from './notify-world.ts';
import { sampleAlert } from './sample-alert.ts';

const [data, file, mode] = process.argv.slice(2);
const world = await new NotifyWorld({ data: data!, receivers: readFileSync(file!, 'utf8') }).open();
const put = world.notifier.plan([sampleAlert('a')], Date.now());
await world.change({ put });
process.stdout.write('committed\n');
if (mode === 'send') world.notifier.committed();
// Bounded: a parent that dies must not leave it behind.
for (let i = 0; i < 600 && process.ppid !== 1; i++) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}

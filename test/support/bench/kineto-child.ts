/**
 * One measured piece of work of test/bench/kineto.ts in a process of its own, so that its memory is
 * its own: `analyze DIR`, `read FILE` or `parse FILE`. Prints one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { readKinetoFile } from '#lib/ingest/kineto-read.ts';

const ROUNDS = 3;
const [what = '', path = ''] = process.argv.slice(2);

interface Measured {
  readonly wallMs: number;
  /** Of all threads. */
  readonly processorMs: number;
}

async function measured(work: () => unknown): Promise<Measured> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - started, processorMs: (user + system) / 1000 };
}

/** The quickest of a few rounds, by processor time. */
async function best(work: () => unknown): Promise<Measured> {
  const rounds: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measured(work));
  return rounds.reduce((a, b) => (a.processorMs <= b.processorMs ? a : b));
}

let events = 0;
let result: Measured;
if (what === 'read') {
  result = await best(async () => {
    const outcome = await readKinetoFile(path, 0);
    if (!('file' in outcome)) throw new Error('no trace');
    events = outcome.file.file.gpuEvents;
  });
} else if (what === 'parse') {
  result = await best(() => {
    const trace = JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: { cat?: string }[] };
    events = trace.traceEvents.filter(({ cat }) => cat === 'kernel').length;
  });
} else {
  const { analyzeFiles } = await import('#lib/query/analyze-files.ts');
  const { unixNanosFromMs } = await import('#lib/base/units.ts');
  result = await measured(async () => {
    const { report } = await analyzeFiles([path], {}, unixNanosFromMs(Date.now()));
    events = report.quality.events;
  });
}
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...result, events, peakBytes }));

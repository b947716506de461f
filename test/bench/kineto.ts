/**
 * GPU traces: 8 ranks with 2 million kernels, 1.5 GB of JSON, to the report of `afdscope analyze`.
 *
 *     npx node test/bench/kineto.ts [kernels a rank] [ranks]
 *
 * Each measurement is a process of its own: wall and processor time, peak memory. JSON.parse of one
 * rank's file is measured in the same run; it stops at objects, where ours goes on to columns with
 * step, layer and stage. Other load on the machine makes wall time worthless: processor time counts.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchRow, printBench, wantsJson } from '#test/support/bench/bench-report.ts';
import { writeKinetoTrace } from '#test/support/bench/kineto-trace.ts';
import { soundArgs } from '../../bin/process-settings.js';

const [kernels = 250_000, ranks = 8] = process.argv.slice(2).map(Number).filter(Number.isFinite);
const CHILD = join(import.meta.dirname, '../support/bench/kineto-child.ts');
const TARGET_BYTES = 500e6;

interface Measured {
  readonly wallMs: number;
  readonly processorMs: number;
  readonly events: number;
  readonly peakBytes: number;
}

function run(...args: readonly string[]): Measured {
  const text = execFileSync(process.execPath, [...soundArgs(), CHILD, ...args], {
    encoding: 'utf8',
  });
  return JSON.parse(text) as Measured;
}

const folder = mkdtempSync(join(tmpdir(), 'afdscope-kineto-'));
try {
  const facts = Array.from({ length: ranks }, (_, rank) =>
    writeKinetoTrace(join(folder, `trace-rank${rank}.json`), {
      rank,
      ranks,
      kernels,
      layers: 61,
      seed: 1,
    }),
  );
  const sizeBytes = facts.reduce((sum, fact) => sum + fact.sizeBytes, 0);
  const written = facts.reduce((sum, fact) => sum + fact.kernels, 0);
  const first = join(folder, 'trace-rank0.json');
  const analyze = run('analyze', folder);
  const read = run('read', first);
  const parse = run('parse', first);
  const speed = (bytes: number, ms: number) => bytes / 1e6 / (ms / 1e3);
  const row = (name: string, value: number, unit?: string): BenchRow => ({
    name,
    value,
    ...(unit === undefined ? {} : { unit }),
  });
  const ofOne = facts[0]!.sizeBytes;
  printBench(
    'kineto',
    [
      {
        title: `GPU traces: ${ranks} ranks, ${written.toLocaleString('en')} kernels, ${(sizeBytes / 1e9).toFixed(2)} GB`,
        rows: [
          row('load of the machine (1 min)', loadavg()[0] ?? 0),
          row('analyze: wall', analyze.wallMs / 1e3, 's'),
          row('analyze: processor', analyze.processorMs / 1e3, 's'),
          row(
            'analyze: MB of JSON per processor second',
            speed(sizeBytes, analyze.processorMs),
            'MB/s',
          ),
          row('analyze: peak memory', analyze.peakBytes / 1e6, 'MB'),
          row('one rank to columns', speed(ofOne, read.processorMs), 'MB/s of processor'),
          row('one rank by JSON.parse', speed(ofOne, parse.processorMs), 'MB/s of processor'),
          row('ratio', parse.processorMs / read.processorMs, '×'),
          row('one rank to columns: peak memory', read.peakBytes / 1e6, 'MB'),
          row('one rank by JSON.parse: peak memory', parse.peakBytes / 1e6, 'MB'),
        ],
        failures: [
          ...(analyze.events === written
            ? []
            : [`the report has ${analyze.events} of ${written} kernels`]),
          ...(read.events === facts[0]!.kernels && parse.events === facts[0]!.kernels
            ? []
            : ['one rank: not all kernels were read']),
          ...(analyze.peakBytes <= TARGET_BYTES ? [] : ['over 500 MB']),
        ],
      },
    ],
    wantsJson(),
  );
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * What V8 compiles, throws out and compiles again while reports of small windows are made again and
 * again: `npx node test/bench/deopts.ts [--rounds 60] [--json]`. A function that keeps being thrown out for
 * the same reason fails it; docs/decisions/0023-compiled-again.md says what to do then.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printBench } from '#test/support/bench/bench-report.ts';
import { collectorArgs } from '../../bin/process-settings.js';

/** Of one function and reason, for each ten rounds. Where the machine is busy, code comes late. */
const MAX_OF_TEN_ROUNDS = 8;
/** A collection of V8's own forgets some classes; a full one by hand 60 a round. */
const MAX_CLEARED_A_ROUND = 10;
const LISTED = 8;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const trace = traceOf(rounds);

const compiled = new Map<string, number>();
let compilingMs = 0;
let compilations = 0;
for (const [, id, target, ms] of trace.matchAll(
  /completed compiling \S+ <JSFunction.*?\(sfi = (\S+)\)> \(target (\w+\)(?: OSR)?) - took \S+ ([\d.]+)/g,
)) {
  add(compiled, `${id} ${target}`);
  compilations++;
  compilingMs += Number(ms);
}
const thrownOut = new Map<string, number>();
for (const [, reason, name] of trace.matchAll(
  /bailout \(kind: \S+ reason: (.*?)\): begin.*?<JSFunction ?(.*?) ?\(sfi/g,
)) {
  add(thrownOut, `${name || '(no name)'}: ${reason}`);
}
const cleared = trace.match(/reason: embedded weak objects cleared/g)?.length ?? 0;
if (compilations === 0) throw new Error('no line of the trace was understood: has V8 changed it?');
const most = [...thrownOut].sort(([, a], [, b]) => b - a);
const limit = (rounds / 10) * MAX_OF_TEN_ROUNDS;

printBench(
  'deopts',
  [
    {
      title: `reports of small windows, ${rounds} rounds`,
      rows: [
        { name: 'compilations', value: compilations },
        { name: '... of code that was compiled before', value: compilations - compiled.size },
        { name: 'time of helper threads in them', value: compilingMs, unit: 'ms' },
        { name: 'code thrown out with classes it knew', value: cleared },
        ...most.slice(0, LISTED).map(([name, value]) => ({ name, value })),
      ],
      failures: [
        ...most
          .filter(([, count]) => count > limit)
          .map(([name, count]) => `${name}: ${count} times; ${limit} are borne`),
        ...(cleared > rounds * MAX_CLEARED_A_ROUND
          ? [`code was thrown out ${cleared} times with classes it knew`]
          : []),
      ],
    },
  ],
  values.json,
);

function traceOf(count: number): string {
  const file = join(import.meta.dirname, '../support/bench/deopts-child.ts');
  const flags = [...collectorArgs(), '--trace-opt', '--trace-deopt'];
  const { status, stdout } = spawnSync(process.execPath, [...flags, file, String(count)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the traced process ended with ${status}`);
  return stdout;
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/**
 * What every benchmark prints: a table for people, or with `--json` one JSON document a benchmark on
 * a line of its own, for machines.
 */
import { availableParallelism } from 'node:os';

export type BenchValue = string | number | null;

export interface BenchRow {
  readonly name: string;
  readonly value: BenchValue;
  /** As in "events/s", "ns/event", "bytes"; absent where the value has none. */
  readonly unit?: string;
}

export interface BenchSection {
  readonly title: string;
  readonly rows: readonly BenchRow[];
  /** What went wrong; a benchmark with failures ends with exit code 1. */
  readonly failures: readonly string[];
}

/** Was `--json` given? */
export function wantsJson(args: readonly string[] = process.argv): boolean {
  return args.includes('--json');
}

/** Prints all sections of one benchmark and sets the exit code. */
export function printBench(bench: string, sections: readonly BenchSection[], json: boolean): void {
  if (json) {
    const machine = { node: process.version, cores: availableParallelism() };
    console.log(JSON.stringify({ bench, machine, sections }));
  } else {
    for (const section of sections) console.log(`\n${sectionText(section)}`);
  }
  if (sections.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}

function sectionText({ title, rows, failures }: BenchSection): string {
  const lines = rows.map(({ name, value, unit = '' }) => {
    return `${name.padEnd(52)}${valueText(value).padStart(16)} ${unit}`.trimEnd();
  });
  return [title, ...lines, ...failures.map((failure) => `FAILED: ${failure}`)].join('\n');
}

function valueText(value: BenchValue): string {
  if (value === null) return '–';
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

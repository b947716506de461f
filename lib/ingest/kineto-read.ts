/**
 * Chrome/Kineto traces from files: which files are traces, and one of them read in pieces, in bounded
 * memory: what is kept is a few columns for each piece of GPU work and each launch.
 */

import { compressionOf, firstBytes, readInto } from './file-bytes.ts';
import type { KernelTable } from './kernel-table.ts';
import { builtInKernels } from './kernel-table-file.ts';
import { KinetoCollector } from './kineto-collect.ts';
import { type KinetoFile, kinetoFile } from './kineto-file.ts';
import { NameRules } from './kineto-names.ts';
import { noGpuEvents } from './kineto-problems.ts';

/** What the start of a file says it is, if it is JSON; enough bytes for its first key. */
export const SNIFFED_BYTES = 4096;

const OTLP_KEYS = ['resourceSpans', 'resourceMetrics', 'resourceLogs'];
const OTLP_START = /^(?:\ufeff)?\s*\{\s*"(?:resourceSpans|resourceMetrics|resourceLogs)"/;
/**
 * A line feed is also the first byte of an OTLP request as protobuf, but then no key with its colon
 * follows.
 */
const JSON_START = /^(?:\ufeff)?\s*(?:\{\s*(?:"[^"\\]{0,200}"\s*:|\}\s*$)|\[\s*(?:[{\]]|$))/;

/** Whether a file that starts so is to be read as a Chrome trace, as long as nothing speaks against. */
export function maybeChromeTrace(start: Uint8Array): boolean {
  const text = utf8.decode(start);
  return JSON_START.test(text) && !OTLP_START.test(text);
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export type TraceOutcome =
  | { readonly file: KinetoFile }
  /** OTLP after all: its keys come later. */
  | { readonly otlp: true }
  /** What is wrong, without the path. */
  | { readonly failure: string; readonly noGpu: boolean };

/**
 * Reads one trace. `fileIndex` is its rank where nothing else tells one. Throws what node:fs throws.
 */
export async function readKinetoFile(
  path: string,
  fileIndex: number,
  table: KernelTable = builtInKernels(),
): Promise<TraceOutcome> {
  const rules = new NameRules(table);
  const collector = new KinetoCollector((name) => rules.annotation(name) !== null);
  const { scanner } = collector;
  const isOtlp = (): boolean => scanner.keys.some((key) => OTLP_KEYS.includes(key));
  const damage = await readInto(path, compressionOf(firstBytes(path, 4)), {
    room: () => scanner.room(),
    wrote: (byteCount) => scanner.wrote(byteCount),
    get stopped() {
      return scanner.stopped || isOtlp();
    },
  });
  const end = scanner.end();
  if (isOtlp() && !end.found) return { otlp: true };
  if (!end.found) {
    if (end.damage !== null) {
      const { byteOffset, what } = end.damage;
      return { failure: `byte ${byteOffset}: malformed JSON: ${what}`, noGpu: false };
    }
    const keys = end.keys.length === 0 ? 'it has no keys' : `its keys are ${end.keys.join(', ')}`;
    return {
      failure: `no traceEvents and no resourceSpans, resourceMetrics or resourceLogs (${keys})`,
      noGpu: false,
    };
  }
  const file = kinetoFile(path, fileIndex, collector, end, table, rules);
  const problems =
    damage === null
      ? file.file.problems
      : [`${damage}: what came before was read`, ...file.file.problems];
  if (file.table.length === 0) {
    const why = noGpuEvents(collector);
    return { failure: [why, ...problems].join('; '), noGpu: true };
  }
  collector.release();
  return { file: { ...file, file: { ...file.file, problems } } };
}

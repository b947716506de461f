/** `afdscope compare A B`: two recordings, or two windows of the store, side by side. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Compare } from '#lib/api/compare.ts';
import { type UnixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import {
  type CompareSource,
  compareAnswer,
  compareSourceOfFiles,
  compareSourceOfStore,
} from '#lib/query/compare.ts';
import { type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { formatCompare } from './print-compare.ts';
import { asCommandError } from './query-errors.ts';
import { withReader } from './with-store.ts';

/** Nobody waits for a page here: 3 s and 1 GB a side. */
const MAX_EVENTS = 4_000_000;

interface SideName {
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/**
 * 0 whether or not the sides differ; 1 where B's steps are significantly slower than A's by more than
 * `--fail-on-regression` percent.
 */
export async function compareCommand(
  io: CommandIo,
  sides: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const limit = regressionLimit(options);
  const now = unixNanosFromMs(Date.now());
  const answer =
    textOption(options, 'data') === undefined
      ? await ofFiles(io, sides, options, now)
      : await ofStore(io, sides, options, now);
  io.print(options.json === true ? JSON.stringify(answer) : formatCompare(answer));
  if (limit === undefined) return 0;
  const { direction, stepChange } = answer.verdict;
  if (direction === 'unknown') {
    io.say('afdscope: too few steps to tell whether B is slower; --fail-on-regression needs more');
    return 1;
  }
  if (direction !== 'slower' || stepChange === null || stepChange.value <= limit) return 0;
  io.say(
    `afdscope: B is ${percent(stepChange.value)} slower per step, more than the ${percent(limit)} that are allowed`,
  );
  return 1;
}

async function ofFiles(
  io: CommandIo,
  sides: readonly string[],
  options: Readonly<Record<string, unknown>>,
  now: UnixNanos,
): Promise<Compare> {
  const deployment = textOption(options, 'deployment');
  const { kernels } = loadCommandConfig(io, options).config;
  const sources: CompareSource[] = [];
  for (const side of sides) {
    const { name, from, to } = await fileSide(io, side);
    const question = { from, to, deployment, kernels };
    const { source, files } = await compareSourceOfFiles([name], question, now).catch(
      asCommandError,
    );
    for (const message of files.rejectedMessages) io.say(message);
    sources.push(source);
  }
  return compareAnswer(sources[0]!, sources[1]!);
}

/** A path may hold an @ itself. */
async function fileSide(io: CommandIo, text: string): Promise<SideName> {
  const exists = await stat(resolve(io.cwd, text)).then(
    () => true,
    () => false,
  );
  const side = exists ? { name: text, from: undefined, to: undefined } : parseSide(text);
  return { ...side, name: resolve(io.cwd, side.name) };
}

function ofStore(
  io: CommandIo,
  sides: readonly string[],
  options: Readonly<Record<string, unknown>>,
  now: UnixNanos,
): Promise<Compare> {
  if (textOption(options, 'deployment') !== undefined) {
    throw new UsageError('with --data the sides name their deployments: NAME or NAME@FROM..TO');
  }
  const [a, b] = sides.map(parseSide);
  return withReader(io, options, async (reader) => {
    const load = ({ name, from, to }: SideName, side: 'a' | 'b'): Promise<CompareSource> =>
      compareSourceOfStore(reader, { deployment: name, from, to }, side, now, MAX_EVENTS);
    return compareAnswer(await load(a!, 'a'), await load(b!, 'b'));
  });
}

/** `NAME`, `NAME@FROM`, `NAME@FROM..TO`, `NAME@..TO`. */
function parseSide(text: string): SideName {
  const at = text.lastIndexOf('@');
  if (at < 0) return { name: text, from: undefined, to: undefined };
  const name = text.slice(0, at);
  const [from = '', to = '', more] = text.slice(at + 1).split('..');
  if (name === '' || more !== undefined) {
    throw new UsageError(`${JSON.stringify(text)}: write NAME@FROM..TO, such as prod@-10m..-5m`);
  }
  return { name, from: from === '' ? undefined : from, to: to === '' ? undefined : to };
}

function regressionLimit(options: Readonly<Record<string, unknown>>): number | undefined {
  const text = textOption(options, 'failOnRegression');
  if (text === undefined) return undefined;
  const value = Number(text.replace(/\s*%$/, ''));
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new UsageError(
      `--fail-on-regression: ${JSON.stringify(text)} is not a percentage, such as 3`,
    );
  }
  return value / 100;
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

/** What is wrong with a trace, and what of it is not in the tables, in sentences. */
import type { ChromeEnd } from '#lib/wire/chrome-scanner.ts';
import type { KinetoCollector } from './kineto-collect.ts';
import type { LeftOut } from './kineto-types.ts';

const MAX_CATEGORIES = 4;
const count = (value: number): string => value.toLocaleString('en-US');
/** "1 end event", "2 end events". */
const some = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** Sentences without the path, each true of a file that was read in part. */
export function fileProblems(collector: KinetoCollector, end: ChromeEnd): string[] {
  const problems: string[] = [];
  const events = count(collector.scanner.events.phaseCounts.reduce((sum, one) => sum + one, 0));
  if (end.damage !== null) {
    problems.push(
      `damaged at byte ${count(end.damage.byteOffset)} (${end.damage.what}): the ${events} events before it were read, the rest was not`,
    );
  }
  if (end.cutOff !== null) {
    const where = {
      'in an event': 'inside of an event',
      'in the array of events': 'inside of traceEvents',
      'behind the events': 'before its closing brace',
      'before the events': 'before its events',
    }[end.cutOff];
    problems.push(
      `truncated: the file ends ${where} after ${count(end.sizeBytes)} bytes; the ${events} events that are there were read`,
    );
    if (!collector.members.has('baseTimeNanoseconds') && collector.baseUs < 1e15) {
      problems.push(
        'its times are relative and what they are relative to (baseTimeNanoseconds) is not in the part that is there: dates are wrong, durations are right',
      );
    }
  }
  const { pairs } = collector;
  if (pairs !== null) {
    if (pairs.misnested > 0) {
      problems.push(
        `${some(pairs.misnested, 'mis-nested end event')}: not the innermost slice was closed; each slice was read with its own times`,
      );
    }
    if (pairs.endsWithoutBegin > 0) {
      problems.push(
        `left out: ${some(pairs.endsWithoutBegin, 'end event')} without a begin event of the same name`,
      );
    }
    if (pairs.dropped > 0) {
      problems.push(
        `left out: ${some(pairs.dropped, 'begin and end event')} for want of room, after ${count(pairs.kept)} of them: record a shorter time, or complete events ("ph": "X")`,
      );
    }
    if (pairs.beginsWithoutEnd > 0) {
      problems.push(
        `left out: ${some(pairs.beginsWithoutEnd, 'begin event')} without an end event`,
      );
    }
  }
  return problems;
}

export function leftOutOf(collector: KinetoCollector): LeftOut[] {
  const left: LeftOut[] = [];
  const add = (what: string, number: number, why: string): void => {
    if (number > 0) left.push({ what, count: number, why });
  };
  const { phaseCounts, otherEntries } = collector.scanner.events;
  const phase = (letters: string): number =>
    [...letters].reduce((sum, letter) => sum + phaseCounts[letter.charCodeAt(0)]!, 0);
  add(
    'CPU events',
    phase('X') - collector.gpu.length - collector.badTimes,
    'they launch GPU work or name ranges; they are no GPU time themselves',
  );
  add('counters', phase('C'), 'no counter of a GPU trace is a stage event');
  add('instants', phase('iIR'), 'they have no duration');
  add('metadata', phase('M'), 'names of processes and threads');
  const known = phase('XBEbneMstfCiIR');
  const all = phaseCounts.reduce((sum, number) => sum + number, 0);
  add('events of other phases', all - known, 'phases that no profiler of GPUs writes');
  for (const { category, withoutEnd, withoutStart } of collector.danglingFlows()) {
    const name = category === '' ? 'flows' : `${category} flows`;
    add(`${name} without an end`, withoutEnd, 'the other side was not recorded');
    add(`${name} without a start`, withoutStart, 'the other side was not recorded');
  }
  add(
    'events without a time that can be read',
    collector.badTimes,
    'ts or dur is missing, is no number, or is more than 52 days away from the first event',
  );
  add('entries that are no events', otherEntries, 'they are no JSON objects');
  return left;
}

/** Why a trace gives no events: what it holds instead, and what to do. */
export function noGpuEvents(collector: KinetoCollector): string {
  const { phaseCounts, completeCounts, categories } = collector.scanner.events;
  const all = phaseCounts.reduce((sum, number) => sum + number, 0);
  if (all === 0) return 'no trace events: the trace is empty; record again';
  const named = completeCounts
    .map((number, id) => ({ number, name: id === 0 ? 'without a category' : categories.text(id) }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => b.number - a.number);
  const shown = named
    .slice(0, MAX_CATEGORIES)
    .map(({ name, number }) => `${count(number)} ${name}`)
    .join(', ');
  const more = named.length > MAX_CATEGORIES ? ', …' : '';
  const complete = named.reduce((sum, { number }) => sum + number, 0);
  const paired = collector.pairs?.length ?? 0;
  const what = [
    ...(complete > 0 ? [`${some(complete, 'CPU event')} (${shown}${more})`] : []),
    ...(paired > 0 ? [`${some(paired, 'slice')} of begin and end events`] : []),
    ...(complete + paired === 0 ? [`${some(all, 'event')} without a duration`] : []),
  ].join(' and ');
  return `no GPU events: ${what}; record with ProfilerActivity.CUDA (torch.profiler) on a machine with a GPU`;
}

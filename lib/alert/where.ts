/** Which series a rule watches: `where` of a rule against the labels of a series. */
import type { AlertRule } from '#lib/api/alert-rules.ts';
import type { SeriesLabels } from './sample.ts';

type Where = AlertRule['where'];
export type SeriesTest = (labels: SeriesLabels) => boolean;

/** Texts with `*` for anything, commas between several; layers are numbers and ranges. */
export function matcherOf(where: Where): SeriesTest {
  const tests = Object.entries(where).map(([name, pattern]): SeriesTest => {
    const fits = name === 'layer' ? layerTest(pattern) : textTest(pattern);
    return (labels) => labels[name] !== undefined && fits(labels[name]);
  });
  return (labels) => tests.every((test) => test(labels));
}

/** What is wrong with a pattern, or null. */
export function wherePatternProblem(name: string, pattern: string): string | null {
  if (name !== 'layer' || rangesOf(pattern) !== null) return null;
  return `"${pattern}" names no layers; write 7, 3-60 or 3-5,9`;
}

function textTest(pattern: string): (text: string) => boolean {
  const parts = pattern.split(',').map((part) => part.trim().split(/\*+/));
  return (text) => parts.some((pieces) => hasPieces(text, pieces));
}

/** The first piece begins the text, the last one ends it, those between come in their order: no way back. */
function hasPieces(text: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length) return false;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

function layerTest(pattern: string): (text: string) => boolean {
  const ranges = rangesOf(pattern) ?? [];
  return (text) => {
    const layer = Number(text);
    return ranges.some(([from, to]) => layer >= from && layer <= to);
  };
}

function rangesOf(pattern: string): [number, number][] | null {
  const ranges: [number, number][] = [];
  for (const part of pattern.split(',')) {
    const found = /^\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*$/.exec(part);
    if (found === null) return null;
    const from = Number(found[1]);
    const to = Number(found[2] ?? from);
    if (to < from) return null;
    ranges.push([from, to]);
  }
  return ranges;
}

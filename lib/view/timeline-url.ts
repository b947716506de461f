/**
 * The timeline's state as parameters of its URL, beside those of all pages (url-state.ts): a link
 * shows the same picture elsewhere. Defaults are left out; what cannot be read falls back to them.
 *
 *     at=1764262985123456789.25&span=1200000   left edge (unix ns, with a fraction added) and length (ns)
 *     tail=1                                   follows the newest data instead of `at`
 *     sel=event~ffn/2~expert~compute~compute~<start>~<duration>~<layer>~<mb>~<step>~<domain>~…
 */

import { TIMELINE_STREAMS, type TimelineStream } from '#lib/api/timeline-tile.ts';
import { isCause } from './cause-look.ts';
import { NO_CHOICE, type RowsChoice } from './timeline-rows.ts';
import {
  DEFAULT_OVERLAYS,
  TIMELINE_OVERLAYS,
  type TimelineFilters,
  type TimelineOverlays,
  type TimelineSelection,
} from './timeline-selection.ts';
import { MIN_VIEW_NS, type TimelineExtent, type TimelineViewport } from './timeline-viewport.ts';

/** What a link holds of the timeline. */
export interface TimelineLink {
  /** null: as the page chooses. */
  readonly viewport: TimelineViewport | null;
  readonly isTail: boolean;
  readonly selection: TimelineSelection | null;
  readonly filters: TimelineFilters;
  /** Is what they take away seen faintly? */
  readonly isDim: boolean;
  readonly overlays: TimelineOverlays;
  readonly rows: RowsChoice;
  readonly ruler: TimelineExtent | null;
}

const LISTS = [
  ['fold', 'foldedGroups'],
  ['flip', 'toggled'],
  ['pin', 'pinned'],
  ['order', 'order'],
  ['hide', 'hidden'],
] as const;
const NUMBERS = ['layer', 'microbatch', 'peer'] as const;
/** `layer` is the highlighted layer of other pages. */
const NUMBER_NAMES = { layer: 'flayer', microbatch: 'fmb', peer: 'fpeer' } as const;

export function serializeTimeline(link: TimelineLink): URLSearchParams {
  const search = new URLSearchParams();
  const { viewport, isTail, selection, filters, isDim, overlays, rows, ruler } = link;
  if (isTail) search.set('tail', '1');
  if (viewport !== null) {
    const { fromUnixNs, fractionNs, spanNs } = viewport;
    if (!isTail) search.set('at', `${fromUnixNs}${fractionText(fractionNs)}`);
    search.set('span', String(spanNs));
  }
  if (selection !== null) search.set('sel', selectionText(selection));
  if (filters.stages !== undefined) search.set('fstages', filters.stages.join('~'));
  for (const name of NUMBERS) {
    const value = filters[name];
    if (value !== undefined) search.set(NUMBER_NAMES[name], String(value));
  }
  if (isDim) search.set('dim', '1');
  const changed = TIMELINE_OVERLAYS.filter(({ name, on }) => overlays[name] !== on);
  if (changed.length > 0) search.set('over', changed.map(({ key }) => key).join(''));
  if (rows.isOpen !== null) search.set('open', rows.isOpen ? '1' : '0');
  for (const [name, field] of LISTS) {
    if (rows[field].length > 0) search.set(name, rows[field].join('~'));
  }
  if (ruler !== null) search.set('ruler', `${ruler.fromUnixNs}~${ruler.toUnixNs}`);
  return search;
}

export function parseTimeline(search: URLSearchParams): TimelineLink {
  const over = search.get('over') ?? '';
  const overlays = Object.fromEntries(
    TIMELINE_OVERLAYS.map(({ name, key, on }) => [name, over.includes(key) ? !on : on]),
  ) as TimelineOverlays;
  const open = search.get('open');
  const lists = Object.fromEntries(
    LISTS.map(([name, field]) => [field, listOf(search.get(name))]),
  ) as Pick<RowsChoice, (typeof LISTS)[number][1]>;
  return {
    viewport: parseViewport(search.get('at'), search.get('span')),
    isTail: search.get('tail') === '1',
    selection: parseSelection(search.get('sel')),
    filters: parseFilters(search),
    isDim: search.get('dim') === '1',
    overlays: over === '' ? DEFAULT_OVERLAYS : overlays,
    rows: { ...NO_CHOICE, ...lists, isOpen: open === '1' ? true : open === '0' ? false : null },
    ruler: parseExtent(search.get('ruler')),
  };
}

/** From the point on, without an exponent: the smallest fraction of a view, 2^-20, takes 20 digits. */
function fractionText(fractionNs: number): string {
  const shortest = String(fractionNs);
  const text = shortest.includes('e') ? fractionNs.toFixed(20).replace(/\.?0+$/, '') : shortest;
  return text.replace(/^0/, '');
}

function listOf(text: string | null): readonly string[] {
  return text === null ? [] : text.split('~').filter((part) => part !== '');
}

function parseViewport(at: string | null, span: string | null): TimelineViewport | null {
  const spanNs = Number(span);
  if (span === null || !Number.isFinite(spanNs) || spanNs < MIN_VIEW_NS) return null;
  const found = /^(-?\d{1,19})(\.\d{1,20})?$/.exec(at ?? '');
  // Following the newest data, only the length counts.
  if (found === null) return at === null ? { fromUnixNs: 0n, fractionNs: 0, spanNs } : null;
  return { fromUnixNs: BigInt(found[1]!), fractionNs: Number(found[2] ?? 0), spanNs };
}

function parseFilters(search: URLSearchParams): TimelineFilters {
  const stages = listOf(search.get('fstages'));
  const numbers = NUMBERS.flatMap((name) => {
    const text = search.get(NUMBER_NAMES[name]);
    return text !== null && /^\d{1,6}$/.test(text) ? [[name, Number(text)] as const] : [];
  });
  return { ...(stages.length > 0 ? { stages } : {}), ...Object.fromEntries(numbers) };
}

function parseExtent(text: string | null): TimelineExtent | null {
  const found = /^(-?\d{1,19})~(-?\d{1,19})$/.exec(text ?? '');
  if (found === null) return null;
  const [fromUnixNs, toUnixNs] = [BigInt(found[1]!), BigInt(found[2]!)];
  return fromUnixNs < toUnixNs ? { fromUnixNs, toUnixNs } : null;
}

function selectionText(selection: TimelineSelection): string {
  switch (selection.kind) {
    case 'event': {
      const e = selection.event;
      return join('event', e.workerId, e.stage, e.kind, e.stream, e.startUnixNs, e.durationNs, [
        e.layer,
        e.microbatch,
        e.step,
        e.domain,
        e.peer,
        e.tokens,
        e.bytes,
      ]);
    }
    case 'bin': {
      const b = selection.bin;
      return join('bin', b.workerId, b.stage, b.stream, b.startUnixNs, b.binNs, [
        b.count,
        b.sumNs,
        b.minNs,
        b.maxNs,
      ]);
    }
    case 'bubble': {
      const b = selection.bubble;
      return join('bubble', b.workerId, b.startUnixNs, b.durationNs, b.cause, b.culpritId ?? '');
    }
    case 'area': {
      const { fromUnixNs, toUnixNs, workers } = selection.area;
      return join('area', fromUnixNs, toUnixNs, workers === null ? '*' : workers);
    }
    case 'step': {
      const s = selection.step;
      return join('step', s.domain, s.step, s.startUnixNs, s.durationNs);
    }
  }
}

type Part = string | number | bigint;

/** Parts with `~` between them, which no number has; in names it is written twice. */
function join(...parts: readonly (Part | readonly Part[])[]): string {
  return parts
    .flat()
    .map((part) => String(part).replaceAll('%', '%25').replaceAll('~', '%7E'))
    .join('~');
}

function parseSelection(text: string | null): TimelineSelection | null {
  if (text === null) return null;
  const [kind, ...parts] = text
    .split('~')
    .map((part) => part.replaceAll('%7E', '~').replaceAll('%25', '%'));
  const numbers = (from: number, count: number): readonly number[] | null => {
    const found = parts.slice(from, from + count).map((part) => (part === '' ? Number.NaN : +part));
    return found.length === count && found.every((value) => Number.isFinite(value)) ? found : null;
  };
  const instant = (at: number): bigint | null => {
    const found = /^-?\d{1,19}$/.test(parts[at] ?? '') ? BigInt(parts[at]!) : null;
    // A time that no event can have would be asked for, and refused.
    return found !== null && BigInt.asIntN(64, found) === found ? found : null;
  };
  switch (kind) {
    case 'event': {
      const [workerId, stage, kindName, stream] = parts;
      const startUnixNs = instant(4);
      const rest = numbers(5, 8);
      if (rest === null || startUnixNs === null || !isStream(stream)) return null;
      const [durationNs, layer, microbatch, step, domain, peer, tokens, bytes] =
        rest as unknown as readonly [
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
        ];
      return {
        kind,
        event: {
          workerId: workerId!,
          stage: stage!,
          kind: kindName!,
          stream,
          startUnixNs,
          durationNs,
          layer,
          microbatch,
          step,
          domain,
          peer,
          tokens,
          bytes,
        },
      };
    }
    case 'bin': {
      const [workerId, stage, stream] = parts;
      const startUnixNs = instant(3);
      const rest = numbers(4, 5);
      if (rest === null || startUnixNs === null || !isStream(stream)) return null;
      const [binNs, count, sumNs, minNs, maxNs] = rest as unknown as readonly [
        number,
        number,
        number,
        number,
        number,
      ];
      const bin = { binNs, count, sumNs, minNs, maxNs };
      return { kind, bin: { workerId: workerId!, stage: stage!, stream, startUnixNs, ...bin } };
    }
    case 'bubble': {
      const [workerId, , , cause, culprit] = parts;
      const startUnixNs = instant(1);
      const rest = numbers(2, 1);
      if (rest === null || startUnixNs === null || cause === undefined || !isCause(cause)) {
        return null;
      }
      const culpritId = culprit === undefined || culprit === '' ? null : culprit;
      return {
        kind,
        bubble: { workerId: workerId!, startUnixNs, durationNs: rest[0]!, cause, culpritId },
      };
    }
    case 'area': {
      const [fromUnixNs, toUnixNs] = [instant(0), instant(1)];
      if (fromUnixNs === null || toUnixNs === null || fromUnixNs >= toUnixNs) return null;
      const workers = parts[2] === '*' ? null : parts.slice(2).filter((id) => id !== '');
      return { kind, area: { fromUnixNs, toUnixNs, workers } };
    }
    case 'step': {
      const startUnixNs = instant(2);
      const own = numbers(0, 2);
      const length = numbers(3, 1);
      if (own === null || length === null || startUnixNs === null) return null;
      const [domain, step] = own as unknown as readonly [number, number];
      return { kind, step: { domain, step, startUnixNs, durationNs: length[0]! } };
    }
    default:
      return null;
  }
}

function isStream(text: string | undefined): text is TimelineStream {
  return TIMELINE_STREAMS.some((stream) => stream === text);
}

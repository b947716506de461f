/**
 * The state of a page as its URL: everything that two people must share to see the same picture.
 * Defaults are left out, unknown and broken values fall back to them, so any URL opens a page.
 */
import type { CauseName } from '#lib/api/waits.ts';
import {
  type AlertChoice,
  DEFAULT_ALERT_CHOICE,
  parseAlertChoice,
  serializeAlertChoice,
} from './alert-choice.ts';
import { isCause } from './cause-look.ts';
import {
  type CompareChoice,
  DEFAULT_COMPARE,
  parseCompare,
  serializeCompare,
} from './compare-choice.ts';
import { type ExpertMetric, isExpertMetric } from './expert-map.ts';
import { type HeatMetric, isHeatMetric } from './heat-model.ts';
import type { StackKind } from './layer-stack.ts';
import { isPresetName, type TimeSelection } from './time-range.ts';

export interface PageState {
  /** null: the first deployment there is. */
  readonly deployment: string | null;
  readonly range: TimeSelection;
  readonly heat: HeatMetric;
  /** The highlighted layer; null: none. */
  readonly layer: number | null;
  /** Column of the layers table, `-` before it for descending; null: by layer. */
  readonly sort: string | null;
  /** Changes that the what-if is asked about, as the API's `set` (lib/view/whatif-choice.ts). */
  readonly set: readonly string[];
  /** The highlighted worker; null: none. */
  readonly worker: string | null;
  /** The cause that wait matrices show; null: all of them. */
  readonly cause: CauseName | null;
  /** What the layers' stacks are made of. */
  readonly stack: StackKind;
  /** The figure of the experts' heat map. */
  readonly experts: ExpertMetric;
  /** What is compared with what. */
  readonly compare: CompareChoice;
  /** Of the pages of alerts, rules and incidents. */
  readonly alerts: AlertChoice;
}

export const DEFAULT_PAGE_STATE: PageState = {
  deployment: null,
  range: { kind: 'live' },
  heat: 'bubble',
  layer: null,
  sort: null,
  set: [],
  worker: null,
  cause: null,
  stack: 'stages',
  experts: 'tokens',
  compare: DEFAULT_COMPARE,
  alerts: DEFAULT_ALERT_CHOICE,
};

export function parsePageState(search: URLSearchParams): PageState {
  const heat = search.get('heat');
  const layer = search.get('layer');
  const cause = search.get('cause');
  const experts = search.get('experts');
  return {
    deployment: search.get('d') || null,
    range: parseRange(search),
    heat: heat !== null && isHeatMetric(heat) ? heat : DEFAULT_PAGE_STATE.heat,
    layer: layer !== null && /^\d{1,6}$/.test(layer) ? Number(layer) : null,
    sort: search.get('sort') || null,
    set: search.getAll('set').filter((text) => text !== ''),
    worker: search.get('worker') || null,
    cause: cause !== null && isCause(cause) ? cause : null,
    stack: search.get('stack') === 'causes' ? 'causes' : DEFAULT_PAGE_STATE.stack,
    experts: experts !== null && isExpertMetric(experts) ? experts : DEFAULT_PAGE_STATE.experts,
    compare: parseCompare(search),
    alerts: parseAlertChoice(search),
  };
}

function parseRange(search: URLSearchParams): TimeSelection {
  const preset = search.get('range');
  if (preset !== null && isPresetName(preset)) return { kind: 'last', preset };
  const fromMs = parseInstantMs(search.get('from'));
  const toMs = parseInstantMs(search.get('to'));
  if (fromMs !== null && toMs !== null && fromMs < toMs) return { kind: 'absolute', fromMs, toMs };
  return { kind: 'live' };
}

function parseInstantMs(text: string | null): number | null {
  if (text === null) return null;
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}

/** The search part of a URL without `?`; '' for the defaults. */
export function serializePageState(state: PageState): string {
  const search = new URLSearchParams();
  if (state.deployment !== null) search.set('d', state.deployment);
  if (state.range.kind === 'last') search.set('range', state.range.preset);
  if (state.range.kind === 'absolute') {
    search.set('from', new Date(state.range.fromMs).toISOString());
    search.set('to', new Date(state.range.toMs).toISOString());
  }
  if (state.heat !== DEFAULT_PAGE_STATE.heat) search.set('heat', state.heat);
  if (state.layer !== null) search.set('layer', String(state.layer));
  if (state.sort !== null) search.set('sort', state.sort);
  for (const change of state.set) search.append('set', change);
  if (state.worker !== null) search.set('worker', state.worker);
  if (state.cause !== null) search.set('cause', state.cause);
  if (state.stack !== DEFAULT_PAGE_STATE.stack) search.set('stack', state.stack);
  if (state.experts !== DEFAULT_PAGE_STATE.experts) search.set('experts', state.experts);
  serializeCompare(state.compare, search);
  serializeAlertChoice(state.alerts, search);
  return search.toString();
}

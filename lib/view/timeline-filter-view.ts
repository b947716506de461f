/** Which stages, layer, micro-batch and peer the timeline shows, as chips and a legend that toggles. */
import { type BoxLook, boxLook } from './palette.ts';
import type { TimelineFilters } from './timeline-selection.ts';

export const NUMBER_FILTERS = [
  { name: 'layer', label: 'Layer', most: 99_999 },
  { name: 'microbatch', label: 'Micro-batch', most: 9_999 },
  { name: 'peer', label: 'Peer', most: 99_999 },
] as const;
export type NumberFilter = (typeof NUMBER_FILTERS)[number]['name'];

/** In the order of one micro-batch's way; stages of other names follow by name. */
const STAGE_ORDER: readonly string[] = [
  'attention',
  'gate',
  'a2f_send',
  'a2f_recv',
  'expert',
  'shared_expert',
  'dense',
  'f2a_send',
  'f2a_recv',
  'combine',
  'collective',
  'sample',
  'copy',
  'host',
];

/** Of most deployments: what a legend is likely to say. */
export const USUAL_STAGES: readonly string[] = STAGE_ORDER.filter(
  (stage) => !['shared_expert', 'dense', 'collective', 'copy'].includes(stage),
);

export interface StageKey {
  readonly stage: string;
  readonly isShown: boolean;
  readonly look: BoxLook;
}

/** The legend: all stages that were seen, and those that the filter names. */
export function stageKeys(seen: readonly string[], filters: TimelineFilters): readonly StageKey[] {
  return orderedStages([...seen, ...(filters.stages ?? [])]).map((stage) => ({
    stage,
    isShown: filters.stages === undefined || filters.stages.includes(stage),
    look: boxLook(stage, 'compute'),
  }));
}

export function orderedStages(stages: readonly string[]): readonly string[] {
  const place = (stage: string) => {
    const at = STAGE_ORDER.indexOf(stage);
    return at < 0 ? STAGE_ORDER.length : at;
  };
  return [...new Set(stages)].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

/** The filters with a stage shown or hidden; all shown is no filter, and so is none shown. */
export function withStageToggled(
  filters: TimelineFilters,
  seen: readonly string[],
  stage: string,
): TimelineFilters {
  const keys = stageKeys(seen, filters);
  const shown = keys
    .filter((key) => (key.stage === stage ? !key.isShown : key.isShown))
    .map((key) => key.stage);
  return withStages(filters, shown.length === keys.length ? [] : shown);
}

/** Only this stage; where it is alone already: all. */
export function withStageAlone(filters: TimelineFilters, stage: string): TimelineFilters {
  const isAlone = filters.stages?.length === 1 && filters.stages[0] === stage;
  return withStages(filters, isAlone ? [] : [stage]);
}

function withStages(filters: TimelineFilters, stages: readonly string[]): TimelineFilters {
  const { stages: _, ...others } = filters;
  return stages.length === 0 ? others : { ...others, stages: orderedStages(stages) };
}

export function withNumber(
  filters: TimelineFilters,
  name: NumberFilter,
  value: number | null,
): TimelineFilters {
  const { [name]: _, ...others } = filters;
  return value === null ? others : { ...others, [name]: value };
}

export function parseFilterNumber(name: NumberFilter, text: string): number | null {
  const most = NUMBER_FILTERS.find((filter) => filter.name === name)?.most ?? 0;
  if (!/^\d{1,6}$/.test(text.trim())) return null;
  const value = Number(text);
  return value <= most ? value : null;
}

export interface FilterChip {
  readonly name: 'stages' | NumberFilter;
  readonly text: string;
}

/** What is filtered, each with its way out. */
export function filterChips(filters: TimelineFilters): readonly FilterChip[] {
  const chips: FilterChip[] = [];
  if (filters.stages !== undefined) {
    const { stages } = filters;
    const text = stages.length > 3 ? `${stages.length} stages` : stages.join(', ');
    chips.push({ name: 'stages', text: `Stage ${text}` });
  }
  for (const { name, label } of NUMBER_FILTERS) {
    const value = filters[name];
    if (value !== undefined) chips.push({ name, text: `${label} ${value}` });
  }
  return chips;
}

export function withoutChip(filters: TimelineFilters, name: FilterChip['name']): TimelineFilters {
  return name === 'stages' ? withStages(filters, []) : withNumber(filters, name, null);
}

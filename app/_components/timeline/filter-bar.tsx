'use client';

import { BlendIcon, FilterXIcon, XIcon } from 'lucide-react';
import { type MouseEvent, useEffect, useState } from 'react';
import {
  filterChips,
  NUMBER_FILTERS,
  parseFilterNumber,
  type StageKey,
  stageKeys,
  USUAL_STAGES,
  withNumber,
  withoutChip,
  withStageAlone,
  withStageToggled,
} from '#lib/view/timeline-filter-view.ts';
import { Swatch } from '../stacked-bar.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';

/** The stage legend, which toggles, and the filters by layer, micro-batch and peer. */
export function FilterBar() {
  const store = useTimelineStore();
  const filters = useTimelinePart((state) => state.filters);
  const seen = useSeenStages();
  const isDim = useTimelinePart((state) => state.isDim);
  const keys = stageKeys(seen, filters);
  const chips = filterChips(filters);
  const onStage = (event: MouseEvent, stage: string) => {
    store.setFilters(
      event.shiftKey || event.altKey
        ? withStageAlone(filters, stage)
        : withStageToggled(filters, seen, stage),
    );
  };
  return (
    <div
      className="flex min-h-12 flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-2 py-1 text-small"
      data-testid="filter-bar"
    >
      <fieldset className={legendLayout(keys.map(({ stage }) => stage))} aria-label="Stages">
        {keys.map((key) => (
          <StageButton key={key.stage} stageKey={key} onStage={onStage} />
        ))}
      </fieldset>
      {seen.length === 0 && <LegendRoom />}
      <fieldset className="ml-auto flex items-center gap-1" aria-label="Filters">
        {NUMBER_FILTERS.map(({ name, label }) => (
          <span key={name}>
            <NumberField
              name={label.toLowerCase()}
              value={filters[name]}
              parse={(text) => parseFilterNumber(name, text)}
              onValue={(value) => store.setFilters(withNumber(filters, name, value))}
            />
          </span>
        ))}
        <button
          type="button"
          className="control"
          aria-pressed={isDim}
          title={
            isDim
              ? 'Hide what the filters take away (h)'
              : 'Show what the filters take away faintly (h)'
          }
          onClick={() => store.setDim(!isDim)}
        >
          <BlendIcon size={13} aria-hidden />
          <span>
            Fade<span className="max-xl:sr-only"> others</span>
          </span>
        </button>
      </fieldset>
      {chips.length > 0 && (
        <ul className="flex flex-wrap items-center gap-1" data-testid="filter-chips">
          {chips.map(({ name, text }) => (
            <li key={name}>
              <button
                type="button"
                className="inline-flex items-center gap-1 rounded-full border border-accent px-2 py-px"
                aria-label={`Remove the filter ${text}`}
                onClick={() => store.setFilters(withoutChip(filters, name))}
              >
                {text} <XIcon size={11} aria-hidden />
              </button>
            </li>
          ))}
          <li>
            <button
              type="button"
              className="control"
              title="Remove all filters"
              aria-label="Remove all filters"
              onClick={() => store.setFilters({})}
            >
              <FilterXIcon size={13} aria-hidden />
            </button>
          </li>
        </ul>
      )}
    </div>
  );
}

/** One row where it fits, else two, for which there is room in any case; names of one's own, of any length, wrap. */
function legendLayout(stages: readonly string[]): string {
  const isUsual = stages.length <= 14 && stages.every((stage) => stage.length <= 14);
  if (!isUsual) return 'flex min-w-0 flex-wrap items-center gap-x-0.5 max-xl:text-tiny';
  const rows =
    stages.length > 10 ? 'grid-rows-2' : stages.length > 6 ? 'max-xl:grid-rows-2' : 'grid-rows-1';
  return `grid grid-flow-col auto-cols-max items-center gap-x-0.5 max-xl:text-tiny ${rows}`;
}

/** Before the first tile: the room that the usual stages take, so that nothing moves when they come. */
function LegendRoom() {
  return (
    <span aria-hidden="true" className={`invisible ${legendLayout(USUAL_STAGES)}`}>
      {USUAL_STAGES.map((stage) => (
        <span
          key={stage}
          className="inline-flex items-center gap-1 rounded-box px-1.5 py-0.5 max-xl:px-0.5"
        >
          <Swatch look="filled" colour="transparent" />
          {stage}
        </span>
      ))}
    </span>
  );
}

function StageButton({
  stageKey: { stage, isShown, look },
  onStage,
}: {
  readonly stageKey: StageKey;
  readonly onStage: (event: MouseEvent, stage: string) => void;
}) {
  return (
    <button
      type="button"
      aria-pressed={isShown}
      className={`inline-flex items-center gap-1 rounded-box px-1.5 py-0.5 hover:bg-raised max-xl:px-0.5 ${isShown ? '' : 'text-muted line-through'}`}
      title={`${isShown ? 'Hide' : 'Show'} ${stage}; with Shift: only ${stage}`}
      onClick={(event) => onStage(event, stage)}
    >
      <Swatch look={isShown ? 'filled' : 'hatched'} colour={look.colour} />
      {stage}
    </button>
  );
}

/** A filter's number; empty: all. Counts as soon as it is one. */
function NumberField({
  name,
  value,
  parse,
  onValue,
}: {
  readonly name: string;
  readonly value: number | undefined;
  readonly parse: (text: string) => number | null;
  readonly onValue: (value: number | null) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && typed.trim() !== '' && parse(typed) === null;
  return (
    <input
      type="text"
      inputMode="numeric"
      className="control w-22 justify-start aria-invalid:border-critical"
      aria-label={`Only ${name}`}
      title={`Shows events of this ${name} only. Empty: all`}
      aria-invalid={isWrong}
      placeholder={name}
      value={typed ?? (value === undefined ? '' : String(value))}
      onChange={({ target }) => {
        setTyped(target.value);
        const next = parse(target.value);
        if (next !== null || target.value.trim() === '') onValue(next);
      }}
      onBlur={() => setTyped(null)}
    />
  );
}

/** Stages of all tiles so far: a filtered tile names only what is left. */
function useSeenStages(): readonly string[] {
  const stages = useTimelinePart((state) => state.info.stages);
  const [seen, setSeen] = useState<readonly string[]>(stages);
  useEffect(() => {
    setSeen((old) => {
      const added = stages.filter((stage) => !old.includes(stage));
      return added.length === 0 ? old : [...old, ...added];
    });
  }, [stages]);
  return seen;
}

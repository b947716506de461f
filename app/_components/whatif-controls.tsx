'use client';

import { MinusIcon, PlusIcon, XIcon } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import type { ReportJson } from '#lib/api/report-schema.ts';
import {
  FACTOR_LIMITS,
  MAX_MICROBATCHES,
  MAX_WORKERS,
  parseCount,
  parseFactor,
  type WhatifChoice,
} from '#lib/view/whatif-choice.ts';
import { TypedField } from './typed-field.tsx';

interface Props {
  readonly report: ReportJson;
  readonly choice: WhatifChoice;
  readonly onChange: (part: Partial<WhatifChoice>) => void;
}

/** One control a change; each can be left as it is. */
export function WhatifControls({ report, choice, onChange }: Props) {
  const { topology } = report;
  const attention = choice.attention ?? topology.attention;
  const ffn = choice.ffn ?? topology.ffn;
  const spareGpus = attention + ffn - topology.attention - topology.ffn;
  return (
    <form
      className="flex min-w-0 flex-col gap-2.5 p-3"
      aria-label="Changes"
      onSubmit={(event) => event.preventDefault()}
    >
      <Row
        label="Ratio"
        note={
          spareGpus === 0
            ? `${attention + ffn} GPUs, as now`
            : `${attention + ffn} GPUs, ${spareGpus > 0 ? '+' : '−'}${Math.abs(spareGpus)}`
        }
      >
        <Stepper
          label="Attention workers"
          value={attention}
          max={MAX_WORKERS}
          onChange={(value) => onChange({ attention: value })}
        />
        <span className="text-muted">A</span>
        <Stepper
          label="FFN workers"
          value={ffn}
          max={MAX_WORKERS}
          onChange={(value) => onChange({ ffn: value })}
        />
        <span className="text-muted">F</span>
      </Row>
      <Row label="Micro-batches" note={`now ${topology.microbatches}`}>
        <Stepper
          label="Micro-batches"
          value={choice.microbatches ?? topology.microbatches}
          max={MAX_MICROBATCHES}
          onChange={(value) =>
            onChange({ microbatches: value === topology.microbatches ? null : value })
          }
        />
      </Row>
      <Factor
        label="Requests of each micro-batch"
        value={choice.batch}
        onChange={(batch) => onChange({ batch })}
      />
      <Factor
        label="Transfer times"
        value={choice.network}
        onChange={(network) => onChange({ network })}
      />
      <FixedRanks report={report} choice={choice} onChange={onChange} />
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="accent-accent"
          checked={choice.levelExperts}
          onChange={(event) => onChange({ levelExperts: event.target.checked })}
        />
        Experts evenly loaded
      </label>
      <StageFactors report={report} choice={choice} onChange={onChange} />
    </form>
  );
}

function Row({
  label,
  note,
  children,
}: {
  readonly label: string;
  readonly note: string;
  readonly children: ReactNode;
}) {
  return (
    <fieldset className="min-w-0" aria-label={label}>
      <div className="flex items-baseline justify-between text-small text-muted">
        <span>{label}</span>
        <span className="text-tiny whitespace-nowrap">{note}</span>
      </div>
      <div className="flex items-center gap-1.5">{children}</div>
    </fieldset>
  );
}

function Stepper({
  label,
  value,
  max,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}) {
  const set = (next: number) => {
    if (next >= 1 && next <= max) onChange(next);
  };
  return (
    <span className="segments">
      <button
        type="button"
        className="control px-1"
        aria-label={`Fewer: ${label}`}
        disabled={value <= 1}
        onClick={() => set(value - 1)}
      >
        <MinusIcon size={12} aria-hidden />
      </button>
      <TypedField
        label={label}
        title={`1 to ${max.toLocaleString('en-US')}`}
        className="w-10 px-0 text-center"
        text={String(value)}
        parse={(typed) => parseCount(typed, max)}
        onValue={onChange}
        onStep={(direction) => set(value + direction)}
      />
      <button
        type="button"
        className="control px-1"
        aria-label={`More: ${label}`}
        disabled={value >= max}
        onClick={() => set(value + 1)}
      >
        <PlusIcon size={12} aria-hidden />
      </button>
    </span>
  );
}

/** Of an arrow key in the field of a factor. */
const FACTOR_STEP = 0.05;
/** The slider's ends; what is written may go further. */
const SLIDER_POWERS = 2;

/** A factor on a scale of powers of two; null and 1 are the same. */
function Factor({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: number | null;
  readonly onChange: (value: number | null) => void;
}) {
  const id = useId();
  const factor = value ?? 1;
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="text-small text-muted">
        {label}
      </label>
      <div className="flex items-center gap-2">
        <input
          id={id}
          type="range"
          className="min-w-0 flex-1 accent-accent"
          min={-SLIDER_POWERS}
          max={SLIDER_POWERS}
          step={0.05}
          value={Math.log2(factor)}
          aria-valuetext={`times ${shortFactor(factor)}`}
          onChange={(event) => onChange(factorOrNone(2 ** Number(event.target.value)))}
        />
        <FactorField label={`${label}, times`} value={factor} onChange={onChange} />
      </div>
    </div>
  );
}

function FactorField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number | null) => void;
}) {
  return (
    <span className="flex items-center gap-1 whitespace-nowrap">
      <span className="text-muted">×</span>
      <TypedField
        label={label}
        title={`${FACTOR_LIMITS[0]} to ${FACTOR_LIMITS[1]}`}
        className="w-16 px-1 text-right"
        text={shortFactor(value)}
        parse={parseFactor}
        onValue={(next) => onChange(factorOrNone(next))}
        onStep={(direction) => {
          const next = parseFactor((value + direction * FACTOR_STEP).toFixed(2));
          if (next !== null) onChange(factorOrNone(next));
        }}
      />
    </span>
  );
}

function factorOrNone(factor: number): number | null {
  const rounded = Number(factor.toFixed(2));
  return rounded === 1 ? null : rounded;
}

function shortFactor(factor: number): string {
  return String(Number(factor.toFixed(2)));
}

function FixedRanks({ report, choice, onChange }: Props) {
  const slow = report.stragglers.map(({ worker }) => worker);
  const ids = [...new Set([...slow, ...report.workers.map(({ id }) => id)])];
  const open = ids.filter((id) => !choice.fix.includes(id));
  return (
    <div className="min-w-0">
      <div className="flex items-center gap-2">
        <span className="w-24 text-small text-muted">Fix a worker</span>
        <select
          className="control min-w-0 flex-1 justify-start"
          aria-label="Worker that becomes as fast as the median of its group"
          title="It becomes as fast as the median of its group, at its own load"
          value=""
          onChange={(event) => onChange({ fix: [...choice.fix, event.target.value] })}
        >
          <option value="">none</option>
          {open.map((id) => (
            <option key={id} value={id}>
              {slow.includes(id) ? `${id} · slow` : id}
            </option>
          ))}
        </select>
      </div>
      <Chips
        entries={choice.fix.map((id) => ({ id, text: `${id} as the median` }))}
        onRemove={(id) => onChange({ fix: choice.fix.filter((other) => other !== id) })}
      />
    </div>
  );
}

function Chips({
  entries,
  onRemove,
}: {
  readonly entries: readonly { readonly id: string; readonly text: string }[];
  readonly onRemove: (id: string) => void;
}) {
  if (entries.length === 0) return null;
  return (
    <ul className="mt-1 flex flex-wrap gap-1">
      {entries.map(({ id, text }) => (
        <li key={id}>
          <button
            type="button"
            className="control h-6"
            aria-label={`Remove: ${text}`}
            onClick={() => onRemove(id)}
          >
            {text} <XIcon size={12} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}

function StageFactors({ report, choice, onChange }: Props) {
  const known = [...new Set(report.stages.map(({ stage }) => stage))];
  const open = known.filter((stage) => !choice.stages.some((entry) => entry.stage === stage));
  const set = (stage: string, factor: number | null) =>
    onChange({
      stages: choice.stages.map((entry) =>
        entry.stage === stage ? { stage, factor: factor ?? 1 } : entry,
      ),
    });
  return (
    <div className="min-w-0">
      <div className="flex items-center gap-2">
        <span className="w-24 text-small text-muted">Stage times</span>
        <select
          className="control min-w-0 flex-1 justify-start"
          aria-label="Stage whose times change"
          value=""
          onChange={(event) =>
            onChange({ stages: [...choice.stages, { stage: event.target.value, factor: 0.8 }] })
          }
        >
          <option value="">none</option>
          {open.map((stage) => (
            <option key={stage}>{stage}</option>
          ))}
        </select>
      </div>
      {choice.stages.map(({ stage, factor }) => (
        <div key={stage} className="mt-1 flex items-center gap-2">
          <span className="min-w-0 flex-1 truncate">{stage}</span>
          <FactorField
            label={`${stage}, times`}
            value={factor}
            onChange={(next) => set(stage, next)}
          />
          <button
            type="button"
            className="control px-1.5"
            aria-label={`Remove: ${stage}`}
            onClick={() =>
              onChange({ stages: choice.stages.filter((entry) => entry.stage !== stage) })
            }
          >
            <XIcon size={12} aria-hidden />
          </button>
        </div>
      ))}
    </div>
  );
}

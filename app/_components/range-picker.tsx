'use client';

import { CalendarClockIcon } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import { localInput } from '#lib/view/local-input.ts';
import { PRESETS, rangeText, trendWindow } from '#lib/view/time-range.ts';
import { useDashboard } from './dashboard.tsx';

/** Live, the last so long, or a fixed window. */
export function RangePicker() {
  const { state, update } = useDashboard();
  const { range } = state;
  return (
    <fieldset className="segments min-w-0 shrink" aria-label="Time range">
      <button
        type="button"
        className="control"
        aria-pressed={range.kind === 'live'}
        onClick={() => update({ range: { kind: 'live' } })}
      >
        Live
      </button>
      {PRESETS.map(({ name, label }) => (
        <button
          key={name}
          type="button"
          className="control"
          title={`Last ${label}`}
          aria-pressed={range.kind === 'last' && range.preset === name}
          onClick={() => update({ range: { kind: 'last', preset: name } })}
        >
          {label}
        </button>
      ))}
      <FixedWindow />
    </fieldset>
  );
}

function FixedWindow() {
  const { state, update } = useDashboard();
  const [isOpen, setOpen] = useState(false);
  const isFixed = state.range.kind === 'absolute';
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger
        className="control min-w-8 max-w-72 shrink overflow-hidden"
        aria-pressed={isFixed}
        aria-label="Fixed window"
        title={isFixed ? rangeText(state.range) : 'Fixed window'}
      >
        <CalendarClockIcon size={14} aria-hidden className="shrink-0" />
        {isFixed && <span className="truncate">{rangeText(state.range)}</span>}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={6}
          className="panel z-40 w-80 p-3"
          aria-label="Fixed window"
        >
          <WindowForm
            onDone={(fromMs, toMs) => {
              update({ range: { kind: 'absolute', fromMs, toMs } });
              setOpen(false);
            }}
          />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function WindowForm({ onDone }: { readonly onDone: (fromMs: number, toMs: number) => void }) {
  const { state } = useDashboard();
  const [shown] = useState(() => trendWindow(state.range, Date.now()));
  const [from, setFrom] = useState(localInput(shown.fromMs));
  const [to, setTo] = useState(localInput(shown.toMs));
  const fromMs = new Date(from).getTime();
  const toMs = new Date(to).getTime();
  const isValid = fromMs < toMs;
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) onDone(fromMs, toMs);
      }}
    >
      <TimeField label="From" value={from} onChange={setFrom} />
      <TimeField label="To" value={to} onChange={setTo} />
      {!isValid && (
        <p role="alert" className="text-small text-warning">
          The window must end after it starts.
        </p>
      )}
      <button type="submit" className="control self-start" disabled={!isValid}>
        Show this window
      </button>
    </form>
  );
}

function TimeField({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <label className="flex items-center justify-between gap-2">
      <span className="text-muted">{label}</span>
      <input
        type="datetime-local"
        step={1}
        className="control w-60 justify-start"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

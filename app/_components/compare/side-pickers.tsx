'use client';

import { ArrowLeftRightIcon, RefreshCwIcon } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import type { Compare, CompareSide } from '#lib/api/compare.ts';
import {
  exactSide,
  presetOf,
  SIDE_PRESETS,
  type SideChoice,
  sameTimeYesterday,
  swapped,
  windowBefore,
  windowText,
} from '#lib/view/compare-choice.ts';
import { countFigure, durationFigure } from '#lib/view/format.ts';
import { useDashboard } from '../dashboard.tsx';
import { Fig } from '../figure.tsx';
import type { Answer } from '../use-question.ts';
import { TimeField } from './time-field.tsx';

/** What stands on either side, and the shortest ways to another choice. */
export function SidePickers({ answer }: { readonly answer: Answer<Compare> }) {
  const { state, update } = useDashboard();
  const { compare } = state;
  const { data } = answer;
  const setA = (of: (side: CompareSide) => SideChoice): void => {
    if (data === undefined) return;
    // B stands still from here on: what is measured against it must not run away.
    update({ compare: { ...compare, a: of(data.b), b: exactSide(data.b) } });
  };
  return (
    <section className="flex flex-col gap-2" aria-label="What is compared">
      <div className="grid grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)] items-stretch gap-2">
        <Side name="a" side={data?.a} problemAt={answer.problem?.parameter}>
          <button
            type="button"
            className="control"
            disabled={data === undefined}
            onClick={() => setA(windowBefore)}
          >
            the window before B
          </button>
          <button
            type="button"
            className="control"
            disabled={data === undefined}
            onClick={() => setA(sameTimeYesterday)}
          >
            B’s time yesterday
          </button>
        </Side>
        <div className="flex flex-col justify-center gap-2">
          <button
            type="button"
            className="control w-8 px-0"
            aria-label="Swap A and B"
            title="Swap A and B"
            disabled={data === undefined}
            onClick={() => {
              if (data === undefined) return;
              const exact = { ...compare, a: exactSide(data.a), b: exactSide(data.b) };
              update({ compare: swapped(exact) });
            }}
          >
            <ArrowLeftRightIcon size={15} aria-hidden />
          </button>
          <button
            type="button"
            className="control w-8 px-0"
            aria-label="Compare again"
            title="Compare again: relative times count from now"
            disabled={answer.isRefilling}
            onClick={answer.retry}
          >
            <RefreshCwIcon size={15} aria-hidden />
          </button>
        </div>
        <Side name="b" side={data?.b} problemAt={answer.problem?.parameter} />
      </div>
    </section>
  );
}

function Side({
  name,
  side,
  problemAt,
  children,
}: {
  readonly name: 'a' | 'b';
  readonly side: CompareSide | undefined;
  readonly problemAt: string | undefined;
  readonly children?: ReactNode;
}) {
  const { state, update, deployments, deployment } = useDashboard();
  const choice = state.compare[name];
  const letter = name.toUpperCase();
  const change = (part: Partial<SideChoice>): void =>
    update({ compare: { ...state.compare, [name]: { ...choice, ...part } } });
  const own = choice.deployment ?? deployment ?? '';
  const known = (deployments ?? []).map(({ id }) => id);
  const preset = presetOf(choice);
  return (
    <fieldset className="panel flex min-w-0 flex-col gap-2 p-3 pt-2" data-testid={`side-${name}`}>
      <legend className="px-1 font-semibold">{letter}</legend>
      <div className="flex flex-wrap items-center gap-2">
        <select
          className="control max-w-44 min-w-24 justify-start"
          aria-label={`Deployment of ${letter}`}
          value={own}
          onChange={({ target }) => change({ deployment: target.value })}
        >
          {!known.includes(own) && <option value={own}>{own}</option>}
          {known.map((id) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
        <select
          className="control justify-start"
          aria-label={`Window of ${letter}`}
          value={preset}
          onChange={({ target }) => {
            const chosen = SIDE_PRESETS.find((one) => one.name === target.value);
            if (chosen !== undefined) change({ from: chosen.from, to: chosen.to });
          }}
        >
          {SIDE_PRESETS.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name === 'newest' ? (name === 'a' ? 'before B' : 'newest minute') : one.label}
            </option>
          ))}
          {preset === 'own' && <option value="own">own times</option>}
        </select>
        {children}
      </div>
      <div className="flex flex-wrap items-center gap-2 text-small text-muted">
        <TimeField
          label={`Start of ${letter}`}
          value={choice.from}
          isWrong={problemAt === `${name}.from`}
          onValue={(from) => change({ from })}
        />
        to
        <TimeField
          label={`End of ${letter}`}
          value={choice.to}
          isWrong={problemAt === `${name}.to`}
          onValue={(to) => change({ to })}
        />
      </div>
      {side !== undefined && <Facts side={side} letter={letter} />}
    </fieldset>
  );
}

function Facts({ side, letter }: { readonly side: CompareSide; readonly letter: string }) {
  const { hrefOf } = useDashboard();
  const { local, utc } = windowText(side.window);
  const range = {
    kind: 'absolute' as const,
    fromMs: Number(BigInt(side.window.startUnixNs) / 1_000_000n),
    toMs: Number((BigInt(side.window.endUnixNs) + 999_999n) / 1_000_000n),
  };
  return (
    <p className="text-small text-muted">
      <span title={utc}>{local}</span> (<Fig figure={durationFigure(side.window.durationNs)} />) ·{' '}
      <strong className="text-text">{side.topology}</strong> · {side.layers} layers ·{' '}
      {side.microbatches} micro-batches ·{' '}
      <span
        className={side.sampledSteps === 0 ? 'text-warning' : ''}
        title={
          side.correlatedSteps === null
            ? undefined
            : `${side.correlatedSteps.toFixed(1)} neighbouring steps say as much as one independent step`
        }
      >
        {side.sampledSteps < side.steps && `${side.sampledSteps} of `}
        <Fig figure={countFigure(side.steps, 'steps')} />
      </span>
      {!side.readWhole && ' of parts of it'} ·{' '}
      <Link
        prefetch={false}
        className="text-accent underline"
        href={hrefOf('/timeline', { deployment: side.deployment, range })}
      >
        {letter} in the timeline
      </Link>
    </p>
  );
}

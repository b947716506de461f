'use client';

import { MaximizeIcon, ZoomInIcon, ZoomOutIcon } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { Strip } from '#lib/api/live-event.ts';
import { durationFigure } from '#lib/view/format.ts';
import { stripModel } from '#lib/view/strip-model.ts';
import {
  clampViewport,
  DEFAULT_LAYERS,
  middleLayers,
  type Viewport,
  wholeStep,
  zoomAt,
} from '#lib/view/strip-viewport.ts';
import { Fig } from './figure.tsx';
import { Waiting } from './skeleton.tsx';
import { Swatch } from './stacked-bar.tsx';
import { StripCanvas } from './strip-canvas.tsx';
import { STRIP_LEGEND } from './strip-legend.ts';
import { TimelineLink } from './timeline-link.tsx';

/** The newest whole step: who worked on which micro-batch when. */
export function StripPanel({ strip }: { readonly strip: Strip | null | undefined }) {
  return (
    <section id="strip" className="panel scroll-mt-14" aria-label="Ping-pong of the newest step">
      {strip === null || strip === undefined ? (
        <div className="p-3">
          <h2 className="panel-title mb-2">Ping-pong of the newest step</h2>
          <Waiting
            heightPx={280}
            text={
              strip === undefined
                ? 'Loading the newest step'
                : 'No whole step of all workers in this window yet'
            }
          />
        </div>
      ) : (
        <LoadedStrip strip={strip} />
      )}
    </section>
  );
}

function LoadedStrip({ strip }: { readonly strip: Strip }) {
  const model = useMemo(() => stripModel(strip), [strip]);
  // null: the default view of whichever step is shown; a choice stays as steps go by.
  const [chosen, setChosen] = useState<Viewport | 'whole' | null>(null);
  const view = useMemo(
    () =>
      chosen === null
        ? middleLayers(model)
        : chosen === 'whole'
          ? wholeStep(strip.durationNs)
          : clampViewport(chosen, strip.durationNs),
    [chosen, model, strip.durationNs],
  );
  const startUnixNs = BigInt(strip.startUnixNs);
  const zoom = (factor: number) =>
    setChosen(zoomAt(view, (view.fromNs + view.toNs) / 2, factor, strip.durationNs));
  return (
    <>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2">
        <h2 className="panel-title">Ping-pong of the newest step</h2>
        <span className="text-small text-muted">
          step {strip.step.toLocaleString('en-US')},{' '}
          <Fig figure={durationFigure(strip.durationNs)} />
          {strip.shownLayers < strip.layers &&
            `, first ${strip.shownLayers} of ${strip.layers} layers`}
          {strip.hiddenWorkers > 0 && `, ${strip.hiddenWorkers} more workers not shown`}
        </span>
        <TimelineLink
          window={{
            fromUnixNs: startUnixNs + BigInt(Math.floor(view.fromNs)),
            toUnixNs: startUnixNs + BigInt(Math.ceil(view.toNs)),
          }}
          title="Timeline of this part of the step"
        >
          timeline
        </TimelineLink>
        <Legend />
        <div className="segments ml-auto">
          <button
            type="button"
            className="control"
            aria-pressed={chosen === null}
            title={`${DEFAULT_LAYERS} layers from the middle of the step`}
            onClick={() => setChosen(null)}
          >
            {DEFAULT_LAYERS} layers
          </button>
          <button
            type="button"
            className="control"
            aria-pressed={chosen === 'whole'}
            aria-label="Whole step"
            title="Whole step (0)"
            onClick={() => setChosen('whole')}
          >
            <MaximizeIcon size={14} aria-hidden />
          </button>
          <button
            type="button"
            className="control"
            aria-label="Zoom out"
            title="Zoom out (S)"
            onClick={() => zoom(2)}
          >
            <ZoomOutIcon size={14} aria-hidden />
          </button>
          <button
            type="button"
            className="control"
            aria-label="Zoom in"
            title="Zoom in (W)"
            onClick={() => zoom(0.5)}
          >
            <ZoomInIcon size={14} aria-hidden />
          </button>
        </div>
      </header>
      <StripCanvas model={model} view={view} onView={setChosen} />
    </>
  );
}

function Legend() {
  return (
    <ul className="flex flex-wrap gap-x-3 text-small text-muted">
      {STRIP_LEGEND.map(({ name, colour, look }) => (
        <li
          key={name}
          className="flex items-center gap-1.5"
          title={name === 'wait' ? 'Hatched in the colour of what it waits for' : undefined}
        >
          <Swatch look={look} colour={colour} /> {name}
        </li>
      ))}
    </ul>
  );
}

'use client';

import { causeLook } from '#lib/view/cause-look.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, ratioFigure } from '#lib/view/format.ts';
import type {
  TimelineBin,
  TimelineBubble,
  TimelineStepChoice,
} from '#lib/view/timeline-selection.ts';
import { endOf, extentOf } from '#lib/view/timeline-viewport.ts';
import { useDashboard } from '../dashboard.tsx';
import { Fig } from '../figure.tsx';
import { EventPanel } from './event-panel.tsx';
import { MarksList } from './marks-list.tsx';
import { CopyLink, InstantText, Line } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import type { TimelineStore } from './timeline-store.ts';

/** What is chosen in the picture, in words and figures. */
export function DetailsPanel() {
  const selection = useTimelinePart((state) => state.selection);
  const { deployment } = useDashboard();
  if (selection === null || deployment === null) {
    return (
      <div className="text-muted">
        <p>
          Nothing is chosen. Click a box, or walk to one with Shift and the arrow keys. Drag on the
          axis, or with Shift over rows, to choose an area.
        </p>
        <ViewButton />
        <MarksList extent={null} />
      </div>
    );
  }
  switch (selection.kind) {
    case 'event':
      return <EventPanel deployment={deployment} chosen={selection.event} />;
    case 'bin':
      return <BinPanel bin={selection.bin} />;
    case 'bubble':
      return <BubblePanel bubble={selection.bubble} />;
    case 'step':
      return <StepPanel step={selection.step} />;
    case 'area':
      return (
        <>
          <p className="text-muted">An area is chosen: its figures are below the picture.</p>
          <MarksList extent={selection.area} />
        </>
      );
  }
}

/** The time in view as an area, of all workers. */
export function selectView(store: TimelineStore): void {
  const { fromUnixNs, toUnixNs } = extentOf(store.view);
  const from = fromUnixNs < 0n ? 0n : fromUnixNs;
  if (from < toUnixNs) {
    store.select({ kind: 'area', area: { fromUnixNs: from, toUnixNs, workers: null } });
  }
}

function ViewButton() {
  const store = useTimelineStore();
  return (
    <button type="button" className="control mt-2 text-text" onClick={() => selectView(store)}>
      Figures of the time in view <kbd>v</kbd>
    </button>
  );
}

function BinPanel({ bin }: { readonly bin: TimelineBin }) {
  const store = useTimelineStore();
  const toUnixNs = endOf(bin.startUnixNs, bin.binNs);
  const area = { fromUnixNs: bin.startUnixNs, toUnixNs, workers: [bin.workerId] };
  return (
    <div data-testid="bin-details">
      <h3 className="font-semibold">
        {bin.count.toLocaleString('en-US')} {bin.stage} {bin.count === 1 ? 'event' : 'events'}
      </h3>
      <p className="text-muted">Sums of one bin. Zoom in to see the events one by one.</p>
      <dl className="m-0 mt-2">
        <Line name="Worker">{bin.workerId}</Line>
        <Line name="From">
          <InstantText unixNs={bin.startUnixNs} />
        </Line>
        <Line name="Width">
          <Fig figure={durationFigure(bin.binNs)} />
        </Line>
        <Line name="Sum">
          <Fig figure={durationFigure(bin.sumNs)} />{' '}
          <span className="unit">{ratioFigure(bin.sumNs / bin.binNs).value} % of the bin</span>
        </Line>
        <Line name="Mean">
          <Fig figure={durationFigure(bin.count > 0 ? bin.sumNs / bin.count : null)} />
        </Line>
        <Line name="Shortest">
          <Fig figure={durationFigure(bin.minNs)} />
        </Line>
        <Line name="Longest">
          <Fig figure={durationFigure(bin.maxNs)} />
        </Line>
      </dl>
      <div className="mt-2 flex flex-wrap gap-1">
        <button
          type="button"
          className="control"
          onClick={() => store.showWindow(bin.startUnixNs, toUnixNs)}
        >
          Zoom to it
        </button>
        <button
          type="button"
          className="control"
          onClick={() => store.select({ kind: 'area', area })}
        >
          Its figures
        </button>
        <CopyLink />
      </div>
    </div>
  );
}

function BubblePanel({ bubble }: { readonly bubble: TimelineBubble }) {
  const store = useTimelineStore();
  const look = causeLook(bubble.cause);
  const toUnixNs = endOf(bubble.startUnixNs, bubble.durationNs);
  return (
    <div data-testid="bubble-details">
      <h3 className="font-semibold">Waiting: {look.label}</h3>
      <p className="text-muted">{definitionText(look.term)}</p>
      <dl className="m-0 mt-2">
        <Line name="Worker">{bubble.workerId}</Line>
        <Line name="Because of">{bubble.culpritId ?? 'nobody that is known'}</Line>
        <Line name="From">
          <InstantText unixNs={bubble.startUnixNs} />
        </Line>
        <Line name="Duration">
          <Fig figure={durationFigure(bubble.durationNs)} />
        </Line>
      </dl>
      <div className="mt-2 flex flex-wrap gap-1">
        <button
          type="button"
          className="control"
          onClick={() => store.showWindow(bubble.startUnixNs, toUnixNs, 1)}
        >
          Zoom to it
        </button>
        <CopyLink />
      </div>
    </div>
  );
}

function StepPanel({ step }: { readonly step: TimelineStepChoice }) {
  const store = useTimelineStore();
  const { startNote } = usePanels();
  const toUnixNs = endOf(step.startUnixNs, step.durationNs);
  const area = { fromUnixNs: step.startUnixNs, toUnixNs, workers: null };
  return (
    <div data-testid="step-details">
      <h3 className="font-semibold">Step {step.step.toLocaleString('en-US')}</h3>
      <dl className="m-0 mt-2">
        <Line name="Domain">{step.domain}</Line>
        <Line name="Start">
          <InstantText unixNs={step.startUnixNs} />
        </Line>
        <Line name="Latency" title="First start to last end over the workers of its domain">
          <Fig figure={durationFigure(step.durationNs)} />
        </Line>
      </dl>
      <div className="mt-2 flex flex-wrap gap-1">
        <button
          type="button"
          className="control"
          onClick={() => store.showWindow(step.startUnixNs, toUnixNs)}
        >
          Zoom to it
        </button>
        <button
          type="button"
          className="control"
          onClick={() => store.select({ kind: 'area', area })}
        >
          Its figures
        </button>
        <button type="button" className="control" onClick={startNote}>
          Add note
        </button>
        <CopyLink />
      </div>
    </div>
  );
}

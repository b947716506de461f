'use client';

import { XIcon } from 'lucide-react';
import { type CSSProperties, useState } from 'react';
import { fetchTimelineStats } from '#lib/api/timeline-client.ts';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import { causeColour, causeLook, isCause } from '#lib/view/cause-look.ts';
import { EXPORT_CHOICES } from '#lib/view/export-choices.ts';
import { durationFigure, ratioFigure } from '#lib/view/format.ts';
import { areaCsv, exactnessText } from '#lib/view/timeline-area.ts';
import { filterChips } from '#lib/view/timeline-filter-view.ts';
import { areaExportHref, compareBeforeHref } from '#lib/view/timeline-links.ts';
import type { TimelineArea } from '#lib/view/timeline-selection.ts';
import { useDashboard } from '../dashboard.tsx';
import { Fig, TermName } from '../figure.tsx';
import { useTheme } from '../root-setting.ts';
import { SaveCsv } from '../save-csv.tsx';
import { AreaHistogram } from './area-histogram.tsx';
import { AreaTable } from './area-table.tsx';
import { InstantText, PanelProblem } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { ResizeHandle } from './resize-handle.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk, useSettled } from './use-ask.ts';

/** What the chosen area holds: a table of stages, durations, causes of waiting. */
export function AreaPanel({ area: drawn }: { readonly area: TimelineArea }) {
  const area = useSettled(drawn);
  const { deployment } = useDashboard();
  const filters = useTimelinePart((state) => state.filters);
  const [heightPx, setHeightPx] = useState(264);
  const question = {
    from: String(area.fromUnixNs),
    to: String(area.toUnixNs),
    ...(area.workers === null ? {} : { workers: area.workers }),
    ...filters,
  };
  const stats = useAsk(
    deployment === null ? null : ['timeline-stats', deployment, JSON.stringify(question)],
    (options) => fetchTimelineStats(deployment ?? '', question, options),
    { keepsOld: true },
  );
  return (
    <section
      aria-label="Area"
      data-panel="area"
      data-testid="area-panel"
      className="flex shrink-0 flex-col border-t border-line bg-panel"
      style={{ height: heightPx }}
    >
      <ResizeHandle heightPx={heightPx} onHeight={setHeightPx} />
      <Head area={area} stats={stats.data} deployment={deployment ?? ''} />
      <div
        className={`@container min-h-0 flex-1 overflow-auto px-3 pb-2 ${stats.isRefilling ? 'stale' : ''}`}
        aria-busy={stats.isRefilling}
      >
        {stats.problem !== null && <PanelProblem problem={stats.problem} onRetry={stats.retry} />}
        {stats.data === undefined && stats.problem === null && (
          <div className="skeleton h-40" aria-busy="true" />
        )}
        {stats.data !== undefined && <Body stats={stats.data} />}
      </div>
    </section>
  );
}

function Head({
  area,
  stats,
  deployment,
}: {
  readonly area: TimelineArea;
  readonly stats: TimelineStats | undefined;
  readonly deployment: string;
}) {
  const store = useTimelineStore();
  const { startNote } = usePanels();
  const filters = useTimelinePart((state) => state.filters);
  const chips = filterChips(filters);
  const lengthNs = Number(area.toUnixNs - area.fromUnixNs);
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-1 text-small">
      <h2 className="panel-title">Area</h2>
      <span>
        <InstantText unixNs={area.fromUnixNs} /> + <Fig figure={durationFigure(lengthNs)} />
      </span>
      {stats !== undefined && (
        <span data-testid="area-counts">
          {stats.workers.toLocaleString('en-US')} {stats.workers === 1 ? 'worker' : 'workers'},{' '}
          {stats.events.toLocaleString('en-US')} {stats.events === 1 ? 'event' : 'events'}
          {chips.length > 0 && ` (only ${chips.map(({ text }) => text.toLowerCase()).join(', ')})`}
          <span className="text-muted"> · {exactnessText(stats)}</span>
        </span>
      )}
      <span className="ml-auto flex flex-wrap items-center gap-1">
        <button type="button" className="control" onClick={() => store.fitSelection()}>
          Zoom to it
        </button>
        {/* A page of its own: the timeline stays as it is in this tab's history. */}
        <a className="control" href={compareBeforeHref(deployment, area)}>
          Compare with before
        </a>
        <ExportMenu deployment={deployment} area={area} />
        <button type="button" className="control" onClick={startNote} title="Add a note (n)">
          Add note
        </button>
        {stats !== undefined && (
          <SaveCsv name="timeline-area" title="the area's table" rows={() => areaCsv(stats)} />
        )}
        <button
          type="button"
          className="control"
          aria-label="Close the area"
          onClick={() => store.select(null)}
        >
          <XIcon size={13} aria-hidden />
        </button>
      </span>
    </header>
  );
}

function ExportMenu({
  deployment,
  area,
}: {
  readonly deployment: string;
  readonly area: TimelineArea;
}) {
  return (
    <select
      className="control max-w-40"
      aria-label="Export this area"
      value=""
      onChange={({ target }) => {
        if (target.value === '') return;
        const link = document.createElement('a');
        link.href = areaExportHref(deployment, area, target.value);
        link.download = '';
        link.click();
      }}
    >
      <option value="">Export this area…</option>
      {EXPORT_CHOICES.map(({ format, name }) => (
        <option key={format} value={format}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Body({ stats }: { readonly stats: TimelineStats }) {
  if (stats.stages.length === 0) {
    return (
      <p className="py-4 text-muted" data-testid="area-empty">
        No event touches this area. Choose a longer time or more rows, or take filters away.
      </p>
    );
  }
  return (
    <div className="grid gap-4 @4xl:grid-cols-[minmax(0,1fr)_15rem]">
      <AreaTable stats={stats} />
      <div className="min-w-0">
        <AreaHistogram stats={stats} />
        <CauseBars stats={stats} />
      </div>
    </div>
  );
}

function CauseBars({ stats }: { readonly stats: TimelineStats }) {
  const theme = useTheme();
  const causes = stats.causes.filter(({ ns }) => ns > 0).sort((a, b) => b.ns - a.ns);
  const largestNs = Math.max(1, ...causes.map(({ ns }) => ns));
  return (
    <section className="mt-3" aria-label="Waiting by cause">
      <h3 className="mb-1 text-small text-muted">
        <TermName term="areaCauses" />
      </h3>
      {causes.length === 0 && <p className="text-small text-muted">No waiting, or not known.</p>}
      <ul className="text-small" data-testid="area-causes">
        {causes.map(({ cause, ns, share }) => {
          const name = isCause(cause) ? cause : 'unknownNs';
          const look = causeLook(name);
          const hatch = {
            '--hatch': causeColour(name, '', theme),
            width: `${(ns / largestNs) * 100}%`,
          } as CSSProperties;
          return (
            <li key={cause} className="py-px">
              <span className="flex justify-between gap-2">
                <TermName term={look.term}>{look.label}</TermName>
                <span className="whitespace-nowrap">
                  <Fig figure={durationFigure(ns)} />{' '}
                  <span className="unit">{ratioFigure(share).value} %</span>
                </span>
              </span>
              <span className="hatched block h-2 border border-line" style={hatch} aria-hidden />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

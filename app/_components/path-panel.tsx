'use client';

import Link from 'next/link';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { ratioFigure } from '#lib/view/format.ts';
import { roleColour, STAGE_COLOURS } from '#lib/view/palette.ts';
import { layerShares, type PathShare, stageShares, workerShares } from '#lib/view/path-shares.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { SaveCsv } from './save-csv.tsx';
import { Waiting } from './skeleton.tsx';
import { Swatch } from './stacked-bar.tsx';
import { extentOfWindow, TimelineLink } from './timeline-link.tsx';

/** Where the time of the steps went that nothing else hid. */
export function PathPanel({ report }: { readonly report: ReportJson }) {
  const { hrefOf } = useDashboard();
  const path = report.criticalPath;
  const roles = new Map(report.workers.map(({ id, role }) => [id, role]));
  return (
    <section className="panel min-w-0" aria-label="Critical path" data-testid="critical-path">
      <header className="flex flex-wrap items-baseline gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term="criticalPath">Critical path</TermName>
        </h2>
        {path !== null && (
          <>
            <span className="text-small text-muted">
              shares of step time, {path.steps.toLocaleString('en-US')}
              {path.ofSteps > path.steps && ` of ${path.ofSteps.toLocaleString('en-US')}`}{' '}
              {path.ofSteps === 1 ? 'step' : 'steps'}
            </span>
            <TimelineLink
              window={newestOf(report)}
              place={{ overlay: 'path' }}
              title="Timeline of the newest steps, their critical path over it"
            >
              timeline
            </TimelineLink>
            <span className="ml-auto">
              <SaveCsv
                name="critical-path"
                title="the critical path"
                rows={() => [
                  ['worker', 'stage', 'layer', 'ns'],
                  ...path.share.map(({ worker, stage, layer, ns }) => [worker, stage, layer, ns]),
                ]}
              />
            </span>
          </>
        )}
      </header>
      {path === null ? (
        <div className="p-3">
          <Waiting
            heightPx={180}
            text={
              report.exactness === 'rollup'
                ? 'Rollups know no critical path. Choose a shorter or newer window.'
                : 'No whole step in this window'
            }
          />
        </div>
      ) : (
        <div className="px-3 pb-3">
          <div className="grid grid-cols-2 gap-x-6">
            <Shares title="by stage" shares={stageShares(path)} hrefOf={() => null} />
            <Shares
              title="by worker"
              hrefOf={(worker) => (roles.has(worker) ? hrefOf('/stragglers', { worker }) : null)}
              shares={workerShares(path, (id) => {
                const role = roles.get(id);
                return role === undefined ? STAGE_COLOURS.host : roleColour(role);
              })}
            />
          </div>
          <h3 className="mt-2.5 mb-1 text-small text-muted">by layer</h3>
          <div className="flex h-14 items-end border-b border-line" data-testid="path-layers">
            {layerShares(path).map(({ layer, ratio, heightRatio }) => (
              <Link
                key={layer}
                href={hrefOf('/layers', { layer })}
                prefetch={false}
                tabIndex={-1}
                aria-label={`Layer ${layer}, ${ratioFigure(ratio).value} %`}
                title={`Layer ${layer}: ${ratioFigure(ratio).value} % of step time`}
                className="group flex h-full min-w-0 flex-1 items-end"
              >
                <span
                  className="w-full border-r border-panel bg-muted group-hover:bg-text"
                  style={{ height: `${heightRatio * 100}%` }}
                />
              </Link>
            ))}
          </div>
          <LayerAxis layers={layerShares(path).map(({ layer }) => layer)} />
        </div>
      )}
    </section>
  );
}

/** The newest step or two of the report's window. */
function newestOf(report: ReportJson) {
  const { fromUnixNs, toUnixNs } = extentOfWindow(report.window);
  const stepNs = BigInt(Math.ceil((report.steps.latencyNs?.p50 ?? 100e6) * 2));
  const newest = toUnixNs - stepNs;
  return { fromUnixNs: newest > fromUnixNs ? newest : fromUnixNs, toUnixNs };
}

function LayerAxis({ layers }: { readonly layers: readonly number[] }) {
  const { hrefOf } = useDashboard();
  const first = layers[0];
  const last = layers.at(-1);
  if (first === undefined || last === undefined) return null;
  return (
    <p className="flex justify-between text-tiny text-muted">
      <span>layer {first}</span>
      <Link
        href={hrefOf('/layers')}
        className="text-accent underline underline-offset-3"
        prefetch={false}
        title="Each layer in detail"
      >
        layers
      </Link>
      <span>layer {last}</span>
    </p>
  );
}

function Shares({
  title,
  shares,
  hrefOf,
}: {
  readonly title: string;
  readonly shares: readonly PathShare[];
  /** Where a share leads; null: nowhere. */
  readonly hrefOf: (name: string) => string | null;
}) {
  const largest = Math.max(0.0001, ...shares.map(({ ratio }) => ratio));
  return (
    <div className="min-w-0">
      <h3 className="mb-1 text-small text-muted">{title}</h3>
      <ul className="text-small">
        {shares.map(({ name, ratio, colour, look }) => (
          <li key={name} className="grid grid-cols-[7.5rem_1fr_3.5rem] items-center gap-2 py-px">
            <span className="flex min-w-0 items-center gap-1.5">
              <Swatch look={look} colour={colour} />
              <ShareName name={name} href={hrefOf(name)} />
            </span>
            <span aria-hidden="true" className="h-2.5">
              <span
                className="block h-full"
                style={{ width: `${(ratio / largest) * 100}%`, background: colour }}
              />
            </span>
            <span className="text-right whitespace-nowrap">
              {ratioFigure(ratio).value} <span className="unit">%</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function ShareName({ name, href }: { readonly name: string; readonly href: string | null }) {
  if (href === null) {
    return (
      <span className="truncate" title={name}>
        {name}
      </span>
    );
  }
  return (
    <Link
      href={href}
      prefetch={false}
      title={`${name}: how slow, and who waited because of it`}
      className="truncate underline decoration-line underline-offset-3 hover:text-accent"
    >
      {name}
    </Link>
  );
}

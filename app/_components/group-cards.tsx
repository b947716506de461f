'use client';

import { CpuIcon, NetworkIcon } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { type BarPart, barOf, observedRatio } from '#lib/view/bubble-parts.ts';
import { slowestOf } from '#lib/view/culprit.ts';
import type { Term } from '#lib/view/definitions.ts';
import { countFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { roleColour } from '#lib/view/palette.ts';
import { trendCharts } from '#lib/view/trend-charts.ts';
import { barsHeightPx, barsLegend, paintBars } from './bars-paint.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { useTheme } from './root-setting.ts';
import { csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { Sparkline } from './sparkline.tsx';
import { PartList, StackedBar } from './stacked-bar.tsx';
import type { WindowData } from './use-window-data.ts';

const SPARK_MS = 300_000;

/** One card a GPU group, side by side on one time axis. */
export function GroupCards({ data }: { readonly data: WindowData }) {
  const report = data.report;
  if (report === null || report === undefined) return null;
  return (
    <section
      id="groups"
      aria-label="GPU groups"
      className="grid scroll-mt-14 grid-cols-2 gap-3"
      data-testid="group-cards"
    >
      {report.groups.map((group) => (
        <GroupCard key={group.group} group={group} data={data} report={report} />
      ))}
    </section>
  );
}

function GroupCard({
  group,
  data,
  report,
}: {
  readonly group: ReportJson['groups'][number];
  readonly data: WindowData;
  readonly report: ReportJson;
}) {
  const bar = barOf(group, group.role, useTheme());
  const observed = observedRatio(group);
  const busyRatio = group.activeBubbleRatio === null ? null : 1 - group.activeBubbleRatio;
  const members = report.workers.filter((worker) => worker.group === group.group);
  const isMember = ({ worker }: { readonly worker: string }): boolean =>
    members.some(({ id }) => id === worker);
  const worst = worstWorker(members);
  const slow = slowestOf(
    { ...report, workers: members, stragglers: report.stragglers.filter(isMember) },
    report.balance?.bound ?? null,
    data.overview?.stragglers?.filter(isMember),
  );
  const { hrefOf } = useDashboard();
  const gpu = data.gpu.find((activity) => activity.group === group.group);
  const Icon = group.role === 'ffn' ? NetworkIcon : CpuIcon;
  const spark = sparkPoints(data, group.group);
  return (
    <article className="panel min-w-0 p-3" aria-label={`Group ${group.group}`}>
      <div className="flex items-start gap-4">
        <div className="min-w-0">
          <h2 className="flex items-center gap-2 font-semibold">
            <Icon size={15} aria-hidden style={{ color: roleColour(group.role) }} />
            <span className="truncate">{group.group}</span>
            <span className="font-normal whitespace-nowrap text-muted">
              {group.workers} {group.workers === 1 ? 'worker' : 'workers'}
            </span>
            <SaveBar group={group} parts={bar.parts} />
          </h2>
          <p className="mt-1 text-big leading-tight font-semibold" data-testid="busy">
            <Fig figure={ratioFigure(busyRatio)} term="busyRatio" />
            <span className="ml-2 text-small font-normal text-muted">
              <TermName term="busyRatio">busy</TermName>
            </span>
          </p>
        </div>
        <div className="ml-auto w-2/5 min-w-0">
          <Sparkline
            points={spark}
            colour={roleColour(group.role)}
            label={`Busy of ${group.group}, newest five minutes, 0 to 100 %`}
          />
        </div>
      </div>
      <div className="mt-2">
        <StackedBar parts={bar.parts} />
        <PartList parts={bar.parts} workers={group.workers} />
      </div>
      <dl
        className={`mt-2.5 grid grid-cols-3 gap-x-4 gap-y-1.5 border-t border-line pt-2.5 text-small ${data.isLive ? 'xl:grid-cols-[repeat(5,1fr)_1.6fr]' : 'xl:grid-cols-[repeat(3,1fr)_1.6fr]'}`}
      >
        <Entry term="activeBubbleRatio">
          <Fig figure={ratioFigure(group.activeBubbleRatio)} term="activeBubbleRatio" />
        </Entry>
        <Entry term="overlapRatio">
          <Fig figure={ratioFigure(group.overlapRatio)} term="overlapRatio" />
        </Entry>
        <Entry term="observed">
          <Fig figure={ratioFigure(observed)} term="observed" />
        </Entry>
        <GpuEntries role={group.role} gpu={gpu} isLive={data.isLive} />
        <Entry term={slow === null ? 'worstWorker' : 'slowestWorker'}>
          {slow !== null ? (
            <Link
              href={hrefOf('/stragglers', { worker: slow.workerId })}
              prefetch={false}
              className="text-warning underline underline-offset-3"
            >
              {slow.workerId} <span className="unit">+{(slow.excessRatio * 100).toFixed(0)} %</span>
            </Link>
          ) : worst === null ? (
            '–'
          ) : (
            <>
              {worst.id} <span className="unit">{ratioFigure(worst.ratio).value} %</span>
            </>
          )}
        </Entry>
      </dl>
    </article>
  );
}

const PICTURE_PX = 640;

function SaveBar({
  group: { group, workers, activeBubbleRatio },
  parts,
}: {
  readonly group: ReportJson['groups'][number];
  readonly parts: readonly BarPart[];
}) {
  const theme = useTheme();
  const bars = [{ name: `${group}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`, parts }];
  const table = () => [
    ['group', 'part', 'share', 'ns_per_worker'],
    ...parts.map(({ label, ratio, ns }) => [group, label, ratio, ns / Math.max(1, workers)]),
  ];
  return (
    <SaveMenu
      title={`the time of ${group}`}
      picture={() => ({
        name: `group-${group}`,
        title:
          activeBubbleRatio === null
            ? `Time of ${group}`
            : `${group}: ${figureText(ratioFigure(1 - activeBubbleRatio))} busy`,
        legend: barsLegend(bars),
        widthPx: PICTURE_PX,
        heightPx: barsHeightPx(bars),
        body: { paint: (pen) => paintBars(pen, bars, PICTURE_PX, theme) },
      })}
      csv={{ name: `group-${group}`, text: () => csvText(table()) }}
    />
  );
}

function Entry({ term, children }: { readonly term: Term; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="truncate text-tiny text-muted">
        <TermName term={term} />
      </dt>
      <dd className="truncate">{children}</dd>
    </div>
  );
}

/** Memory activity tells for attention, tensor activity for experts; power for both. */
function GpuEntries({
  role,
  gpu,
  isLive,
}: {
  readonly role: string;
  readonly gpu: WindowData['gpu'][number] | undefined;
  readonly isLive: boolean;
}) {
  if (!isLive) return null;
  const isFfn = role === 'ffn';
  const ratio = isFfn ? gpu?.tensorActiveRatio : gpu?.dramActiveRatio;
  return (
    <>
      <Entry term={isFfn ? 'tensorActive' : 'dramActive'}>
        <Fig figure={ratioFigure(ratio)} term={isFfn ? 'tensorActive' : 'dramActive'} />
      </Entry>
      <Entry term="power">
        <Fig figure={countFigure(gpu?.powerWatts, 'W')} term="power" />
      </Entry>
    </>
  );
}

function worstWorker(
  workers: readonly ReportJson['workers'][number][],
): { readonly id: string; readonly ratio: number } | null {
  let worst: { id: string; ratio: number } | null = null;
  for (const worker of workers) {
    if (worker.activeBubbleRatio !== null && worker.activeBubbleRatio > (worst?.ratio ?? -1)) {
      worst = { id: worker.id, ratio: worker.activeBubbleRatio };
    }
  }
  return worst;
}

function sparkPoints(
  data: WindowData,
  group: string,
): readonly (readonly [atMs: number, ratio: number | null])[] {
  const points = data.points ?? [];
  const newestMs = points.at(-1)?.atUnixMs ?? 0;
  const recent = data.isLive
    ? points.filter((point) => point.atUnixMs >= newestMs - SPARK_MS)
    : points;
  const busy = trendCharts(recent).find((chart) => chart.id === 'busy');
  return busy?.lines.find((line) => line.name === group)?.data ?? [];
}

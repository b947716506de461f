/** A report as text for people: what bounds the deployment, then groups, layers, who is slow. */
import type { ClockDomainReport, GroupReport, Report } from '#lib/analysis/report-types.ts';
import { countText, durationText, rateText, ratioText } from './figures.ts';
import { expertLines, hangLines, stragglerLines } from './print-culprits.ts';
import { printable } from './printable.ts';
import { type Column, formatTable } from './text-table.ts';

const MAX_PATH_SHARES = 6;
const MAX_CLOCKS = 8;
const MAX_CLOCK_CONFLICTS = 3;

export function formatReport(report: Report): string {
  const sections = [
    heading(report),
    formatTable(GROUP_COLUMNS, report.groups.map(groupRow)),
    balanceLines(report),
    pathLines(report),
    utilizationLines(report),
    formatTable(LAYER_COLUMNS, layerRows(report)),
    hangLines(report),
    stragglerLines(report),
    expertLines(report),
    clockLines(report),
    [qualityLine(report)],
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
  return printable(text);
}

function heading(report: Report): string[] {
  const { topology, window, steps } = report;
  const shape =
    topology.attention + topology.ffn > 0 ? ` ${topology.attention}A${topology.ffn}F` : '';
  const tokens =
    steps.tokensPerSecond === null ? '' : `, ${countText(steps.tokensPerSecond)} tokens/s`;
  const start = new Date(Number(BigInt(window.startUnixNs) / 1_000_000n)).toISOString();
  return [
    `${report.deployment}${shape}, ${topology.layers} layers, ${topology.microbatches} micro-batches`,
    `from ${start} for ${durationText(window.durationNs)} (${report.exactness === 'raw' ? 'exact, from raw events' : 'from rollups'})`,
    `${countText(steps.count)} steps${tokens}; step latency p50 ${durationText(steps.latencyNs?.p50)}, p99 ${durationText(steps.latencyNs?.p99)}`,
  ];
}

const GROUP_COLUMNS: readonly Column[] = [
  { title: 'group' },
  { title: 'role' },
  { title: 'GPUs', align: 'right' },
  { title: 'observed', align: 'right' },
  { title: 'busy', align: 'right' },
  { title: 'bubble', align: 'right' },
  { title: 'active bubble', align: 'right' },
  { title: 'exposed transfer', align: 'right' },
  { title: 'wait for peers', align: 'right' },
  { title: 'copy', align: 'right' },
  { title: 'host', align: 'right' },
  { title: 'unattributed', align: 'right' },
  { title: 'overlap', align: 'right' },
];

/** The five parts are shares of the window, so that they add up to the bubble. */
function groupRow(group: GroupReport): string[] {
  const { windowNs, bubble } = group;
  const share = (ns: number) => ratioText(windowNs === 0 ? null : ns / windowNs);
  return [
    group.group,
    group.role,
    countText(group.workers),
    share(group.observedNs),
    ratioText(group.busyRatio),
    ratioText(group.bubbleRatio),
    ratioText(group.activeBubbleRatio),
    share(bubble.exposedTransferNs),
    share(bubble.waitPeerNs),
    share(bubble.copyNs),
    share(bubble.hostNs),
    share(bubble.unattributedNs),
    ratioText(group.overlapRatio),
  ];
}

function balanceLines({ balance }: Report): string[] {
  if (balance === null) return [];
  const period = (ns: number | null) => durationText(ns);
  return [
    `${balance.bound}: a layer takes ${period(balance.measuredPeriodNs)}, ideal ${period(balance.idealPeriodNs)}; ` +
      `steady bubble attention ${ratioText(balance.attentionBubble)}, ffn ${ratioText(balance.ffnBubble)}`,
    `attention ${durationText(balance.taNs)} (effective ${durationText(balance.taEffectiveNs)}), ` +
      `expert ${durationText(balance.tfNs)} (effective ${durationText(balance.tfEffectiveNs)}), ` +
      `A2F ${durationText(balance.ta2fNs)}, F2A ${durationText(balance.tf2aNs)}`,
    `imbalance inside the groups costs ${durationText(balance.imbalanceCostNs)} a layer; ` +
      `no latency bubble from ${countText(balance.minMicrobatches)} micro-batches on`,
    ...balance.advice.map(
      (advice) =>
        `advice: ${advice.change}: ${ratioText(advice.gain)} more tokens/s per GPU (${ratioText(advice.low)} to ${ratioText(advice.high)})`,
    ),
  ];
}

/** Its largest parts, by stage, by worker and by layer. */
function pathLines({ criticalPath }: Report): string[] {
  if (criticalPath === null || criticalPath.durationNs === 0) return [];
  const { durationNs, steps, ofSteps, byStage, byWorker, byLayer } = criticalPath;
  const top = <T extends { readonly ns: number }>(shares: readonly T[], name: (one: T) => string) =>
    shares
      .slice(0, MAX_PATH_SHARES)
      .map((one) => `${name(one)} ${ratioText(one.ns / durationNs)}`)
      .join(', ');
  const all = ofSteps > steps ? ` of ${countText(ofSteps)}` : '';
  const layerName = (layer: number) => (layer < 0 ? 'no layer' : `layer ${layer}`);
  return [
    `critical path of ${countText(steps)}${all} steps, ${durationText(durationNs / steps)} a step: ` +
      top(byStage, ({ stage }) => stage),
    `most of it: ${top(byWorker, ({ worker }) => worker)}; ` +
      top(byLayer.slice(0, 3), ({ layer }) => layerName(layer)),
  ];
}

/** Of groups that are known to have done something; and what would make more of it known. */
function utilizationLines({ utilization }: Report): string[] {
  if (utilization === null || utilization === undefined) return [];
  const lines = utilization.groups.flatMap((group) => {
    if (group.flopsPerSecond === null && group.bytesPerSecond === null) return [];
    const amount = (value: number | null, unit: string, ratio: number | null, name: string) =>
      value === null
        ? []
        : [`${rateText(value)}${unit}${ratio === null ? '' : ` (${name} ${ratioText(ratio)})`}`];
    const parts = [
      ...amount(group.flopsPerSecond, 'FLOP/s', group.mfuRatio, 'MFU'),
      ...amount(group.bytesPerSecond, 'B/s', group.mbuRatio, 'MBU'),
    ];
    const from = group.flopsFrom ?? group.bytesFrom;
    return [
      `${group.group}${group.gpu === null ? '' : ` on ${group.gpu}`}: per GPU ${parts.join(', ')}; from ${
        from === 'model' ? `the shape of ${utilization.modelShape}` : 'the events'
      }`,
    ];
  });
  const { deadZone } = utilization;
  if (deadZone?.inZone === true) lines.push(`dead zone: ${deadZone.because}`);
  return lines;
}

const LAYER_COLUMNS: readonly Column[] = [
  { title: 'layer', align: 'right' },
  { title: 'attention p50', align: 'right' },
  { title: 'A2F p50', align: 'right' },
  { title: 'FFN p50', align: 'right' },
  { title: 'F2A p50', align: 'right' },
  { title: 'period p50', align: 'right' },
  { title: 'ideal', align: 'right' },
  { title: 'bound' },
];

function layerRows({ layers }: Report): string[][] {
  return layers.map((layer) => [
    countText(layer.layer),
    durationText(layer.attentionNs?.p50),
    durationText(layer.a2fNs?.p50),
    durationText(layer.ffnNs?.p50),
    durationText(layer.f2aNs?.p50),
    durationText(layer.periodNs?.p50),
    durationText(layer.idealPeriodNs),
    layer.bound ?? '–',
  ]);
}

const CLOCK_COLUMNS: readonly Column[] = [
  { title: 'clock' },
  { title: 'offset', align: 'right' },
  { title: 'within ±', align: 'right' },
  { title: 'drift', align: 'right' },
];

/** The clocks that were moved or are not known come first; one clock for all is not worth a line. */
function clockLines({ clock }: Report): string[] {
  if (clock.domains.length < 2) return [];
  const { referenceDomain, transfers, violationsBefore, violationsAfter } = clock;
  const worth = (domain: ClockDomainReport): number =>
    domain.errorNs === null ? Number.POSITIVE_INFINITY : Math.abs(domain.offsetNs);
  const shown = [...clock.domains].sort((a, b) => worth(b) - worth(a)).slice(0, MAX_CLOCKS);
  const more = clock.domains.length - shown.length;
  const conflicts = (clock.conflictSpans ?? [])
    .slice(0, MAX_CLOCK_CONFLICTS)
    .map(
      ({ domains, depthNs }) =>
        `clock conflict: ${domains.join(', ')}, by ${durationText(depthNs)}: left as they are`,
    );
  return [
    `clocks of ${countText(clock.domains.length)} hosts, in the time of ${referenceDomain ?? 'none'}: ` +
      `${countText(transfers)} transfers between them, ${countText(violationsBefore)} received before sent, ` +
      `${countText(violationsAfter)} as aligned; ${countText(clock.conflicts)} conflicts`,
    ...conflicts,
    ...formatTable(CLOCK_COLUMNS, shown.map(clockRow)),
    ...(more > 0 ? [`and ${countText(more)} more`] : []),
  ];
}

function clockRow({ domain, offsetNs, errorNs, driftPpm }: ClockDomainReport): string[] {
  const drift = driftPpm === null ? '–' : `${driftPpm.toFixed(2)} ppm`;
  return [domain, durationText(offsetNs), durationText(errorNs), drift];
}

function qualityLine({ quality }: Report): string {
  const refused = Object.entries(quality.rejected)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${countText(count)} ${reason}`);
  const parts = [
    `${countText(quality.events)} events`,
    `${countText(quality.duplicates)} duplicates`,
    `${countText(quality.late)} late`,
    `${countText(quality.unmatchedReceives)} unmatched receives`,
    ...(quality.incompleteKeys === undefined
      ? []
      : [`${countText(quality.incompleteKeys)} incomplete keys`]),
    ...(refused.length > 0 ? [`rejected: ${refused.join(', ')}`] : ['none rejected']),
  ];
  return parts.join(', ');
}

/** The slowest steps: which, when, and how they looked beside a usual one. */
import { durationFigure, figureText } from '#lib/view/format.ts';
import { type Block, note, type Runs, type Section, table } from './document.ts';
import type { PicturedStep, PostmortemFacts } from './facts.ts';
import { utcText } from './instants.ts';
import { timelineLink } from './links.ts';
import { layerStarts, type StepPanel, stepLegend, stepsSvg } from './step-svg.ts';

/** A step so many times as long leaves too little of a usual one at the same scale. */
const FAR_LONGER = 4;
/** Layers of a close look. */
const CLOSE_LAYERS = 3;

export function stepsSection(facts: PostmortemFacts): Section {
  const { steps } = facts;
  return {
    id: 'steps',
    title: 'The worst steps',
    blocks: [
      ...slowestTable(facts),
      ...(steps.missing === '' ? [] : [note(steps.missing)]),
      // Once is enough to see what is usual.
      ...steps.pictured.map((step, i) => wholePicture(facts, step, i === 0 ? steps.usual : null)),
      ...closePicture(facts),
    ],
  };
}

function slowestTable({ report, steps }: PostmortemFacts): Block[] {
  const { latencyNs, meanLatencyNs } = report.steps;
  const usualNs = latencyNs?.p50 ?? meanLatencyNs ?? null;
  const domains = new Set(steps.slowest.map(({ domain }) => domain)).size > 1;
  const of = latencyNs === null ? 'mean' : 'median';
  return table(
    steps.from === 'all'
      ? 'The slowest steps of the window'
      : 'The slowest step of each of the slowest seconds',
    [
      { title: 'Step' },
      ...(domains ? [{ title: 'Domain', isNumber: true }] : []),
      { title: 'Start' },
      { title: 'Latency', isNumber: true },
      { title: `Over the ${of}`, isNumber: true },
    ],
    steps.slowest.map(({ domain, step, startUnixNs, durationNs }): Runs[] => [
      { text: String(step), link: timelineLink(report.deployment, startUnixNs, durationNs) },
      ...(domains ? [String(domain)] : []),
      utcText(startUnixNs),
      figureText(durationFigure(durationNs)),
      usualNs === null || usualNs <= 0 ? '–' : `${(durationNs / usualNs).toFixed(2)} ×`,
    ]),
  );
}

function stepName({ step, domain, why, durationNs }: PicturedStep, domains: boolean): string {
  const of = domains ? ` of domain ${domain}` : '';
  const length = figureText(durationFigure(durationNs));
  if (why === 'hung') return `Hung step ${step}${of}, which stood still after ${length}`;
  return `${why === 'usual' ? 'Usual' : 'Slow'} step ${step}${of}, ${length}`;
}

function usualName(facts: PostmortemFacts, usual: PicturedStep): string {
  const where = facts.steps.usualOf === 'baseline' ? 'of the baseline' : 'of the same window';
  return `${stepName(usual, false)}, ${where}`;
}

function wholePanel(step: PicturedStep, title: string, widthNs: number): StepPanel {
  return { step, title, fromNs: 0, toNs: step.durationNs, widthNs };
}

/** The step, and a usual one at the same scale; much longer ones also make room for it. */
function wholePicture(
  facts: PostmortemFacts,
  step: PicturedStep,
  usual: PicturedStep | null,
): Block {
  const domains = new Set(facts.steps.slowest.map(({ domain }) => domain)).size > 1;
  const widthNs = Math.max(step.durationNs, usual?.durationNs ?? 0, 1);
  const panels = [wholePanel(step, stepName(step, domains), widthNs)];
  const isFarLonger = usual !== null && step.durationNs > FAR_LONGER * usual.durationNs;
  if (usual !== null) {
    const name = usualName(facts, usual);
    panels.push(
      isFarLonger
        ? wholePanel(
            usual,
            `${name}, wider: at the scale above it ends after ${percentOf(usual.durationNs / widthNs)} of the width`,
            Math.max(1, usual.durationNs),
          )
        : wholePanel(usual, `${name}, at the same scale`, widthNs),
    );
  }
  const beside =
    usual === null
      ? ''
      : ` Below it a usual one (${figureText(durationFigure(usual.durationNs))}), ${isFarLonger ? 'drawn wider' : 'at the same scale'}.`;
  const caption = `${stepName(step, domains)}, from ${utcText(step.startUnixNs)}: each row a worker, compute and waiting above, transfers below; the line is the critical path.${beside}${hiddenText(step)}`;
  return {
    kind: 'picture',
    picture: stepsSvg(panels, caption, wordsOf(step)),
    caption,
    legend: stepLegend(panels),
  };
}

function percentOf(ratio: number): string {
  const percent = ratio * 100;
  return `${percent >= 9.95 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

function hiddenText({ hiddenWorkers, rows }: PicturedStep): string {
  return hiddenWorkers > 0
    ? ` ${rows.length} workers are drawn, those that tell most and some of each role; ${hiddenWorkers.toLocaleString('en-US')} more took part.`
    : '';
}

/** What a reader without the picture should know of it. */
function wordsOf(step: PicturedStep): string {
  const pathNs = new Map<string, number>();
  step.path.row.forEach((row, i) => {
    const name = row < 0 ? 'other workers' : step.rows[row]!.workerId;
    pathNs.set(name, (pathNs.get(name) ?? 0) + step.path.durationNs[i]!);
  });
  const shares = [...pathNs]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, 3)
    .map(([name, ns]) => `${name} ${percentOf(ns / Math.max(1, step.durationNs))}`);
  return shares.length === 0 ? '' : `Most of the critical path lies on ${shares.join(', ')}`;
}

/** The layers of the worst step that lost most against the usual step's, both at one scale. */
function closePicture(facts: PostmortemFacts): Block[] {
  const { usual, pictured } = facts.steps;
  const step = pictured[0];
  if (step === undefined) return [];
  const span = worstLayers(step, usual);
  if (span === null) return [];
  const shown = spanOf(step, span);
  const usualShown = usual === null ? null : spanOf(usual, span);
  if (shown === null) return [];
  const widthNs = Math.max(
    shown.toNs - shown.fromNs,
    usualShown === null ? 0 : usualShown.toNs - usualShown.fromNs,
  );
  const layers = span.from === span.to ? `layer ${span.from}` : `layers ${span.from}–${span.to}`;
  const took = figureText(durationFigure(shown.toNs - shown.fromNs));
  const panels: StepPanel[] = [
    { step, title: `Step ${step.step}, ${layers}: ${took}`, ...shown, widthNs },
  ];
  if (usual !== null && usualShown !== null) {
    const usualTook = figureText(durationFigure(usualShown.toNs - usualShown.fromNs));
    panels.push({
      step: usual,
      title: `Usual step ${usual.step}, the same layers at the same scale: ${usualTook}`,
      ...usualShown,
      widthNs,
    });
  }
  const caption = `Step ${step.step} seen close: ${layers}, ${span.isEven ? 'which are like the others' : `where it lost most${usual === null ? '' : ' against the usual step'}`}, took ${took}.`;
  return [
    {
      kind: 'picture',
      picture: stepsSvg(panels, caption, ''),
      caption,
      legend: stepLegend(panels),
    },
  ];
}

interface LayerSpan {
  readonly from: number;
  readonly to: number;
  /** They are like the others. */
  readonly isEven: boolean;
}

/** Loss is even where no stretch loses so many times as much as most. */
const UNEVEN = 1.25;

/**
 * Of the layers that cross the network; in the middle of them where all lost alike. null where the step
 * has hardly more layers than are shown.
 */
function worstLayers(step: PicturedStep, usual: PicturedStep | null): LayerSpan | null {
  const own = pathByLayer(step);
  const other = usual === null ? null : pathByLayer(usual);
  const layers = crossingLayers(step);
  if (layers.length < 2 * CLOSE_LAYERS) return null;
  const lostNs = layers.map((layer) => (own.get(layer) ?? 0) - (other?.get(layer) ?? 0));
  const sums = layers
    .slice(0, layers.length - CLOSE_LAYERS + 1)
    .map((_, i) => lostNs.slice(i, i + CLOSE_LAYERS).reduce((a, b) => a + b, 0));
  const most = Math.max(...sums);
  const isEven = most < UNEVEN * [...sums].sort((a, b) => a - b)[sums.length >> 1]!;
  const at = isEven ? (layers.length - CLOSE_LAYERS) >> 1 : sums.indexOf(most);
  return { from: layers[at]!, to: layers[at + CLOSE_LAYERS - 1]!, isEven };
}

/** Ascending; all layers where none crosses. */
function crossingLayers({ boxes }: PicturedStep): number[] {
  const all = new Set<number>();
  const crossing = new Set<number>();
  boxes.layer.forEach((layer, i) => {
    if (layer < 0) return;
    all.add(layer);
    if (boxes.kind[i] === 'transfer') crossing.add(layer);
  });
  return [...(crossing.size > 0 ? crossing : all)].sort((a, b) => a - b);
}

function pathByLayer({ path }: PicturedStep): Map<number, number> {
  const ns = new Map<number, number>();
  path.layer.forEach((layer, i) => {
    if (layer >= 0) ns.set(layer, (ns.get(layer) ?? 0) + path.durationNs[i]!);
  });
  return ns;
}

/** From the first compute of the first layer to that of the layer after the last. */
function spanOf(
  step: PicturedStep,
  { from, to }: LayerSpan,
): { readonly fromNs: number; readonly toNs: number } | null {
  const starts = layerStarts(step);
  const first = starts.find(({ layer }) => layer === from);
  if (first === undefined) return null;
  const after = starts.find(({ layer, startNs }) => layer > to && startNs > first.startNs);
  const toNs = after?.startNs ?? step.durationNs;
  return toNs > first.startNs ? { fromNs: first.startNs, toNs } : null;
}

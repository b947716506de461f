/**
 * Steps as pictures: rows are workers, with compute and waiting above and transfers below, the critical
 * path from row to row. Several panels stand under each other at one scale.
 *
 *     attention/5  ██████//////██████────┐     layers above, time below
 *                    ▔▔▔▔                │
 *     ffn/2        ///////////////██████─┘
 */
import { causeLook, isCause } from '#lib/view/cause-look.ts';
import { durationFigure } from '#lib/view/format.ts';
import { boxLook, STAGE_COLOURS, stageColourName } from '#lib/view/palette.ts';
import type { LegendEntry } from './document.ts';
import type { PicturedStep } from './facts.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { causeInk, type Ink, legendEntry, solidInk } from './picture-marks.ts';

export interface StepPanel {
  readonly step: PicturedStep;
  /** What it is, over the rows. */
  readonly title: string;
  /** The part of the step that is drawn, from its start. */
  readonly fromNs: number;
  readonly toNs: number;
  /** What the whole width shows. */
  readonly widthNs: number;
}

const WIDTH = 720;
const LABEL = 84;
const PLOT = WIDTH - LABEL - 6;
const ROW = 15;
const LANE = 9;
const SMALL_LANE = 2.6;
const TITLE = 15;
const AXIS = 12;
const GROUP_GAP = 5;
const PANEL_GAP = 8;

/** Strokes of one panel: about 12 bytes each. */
const MOST_STROKES = 7000;

export function stepsSvg(panels: readonly StepPanel[], title: string, description: string): Markup {
  let top = 0;
  const drawn = panels.map((panel) => {
    const body = panelSvg(panel, top);
    top += panelHeight(panel.step) + PANEL_GAP;
    return body;
  });
  return markup`<svg viewBox="0 0 ${WIDTH} ${Math.max(1, top - PANEL_GAP)}" role="img" aria-label="${title}. ${description}">${drawn}</svg>`;
}

function panelHeight(step: PicturedStep): number {
  return rowTop(step, step.rows.length) + AXIS;
}

/** From the panel's top; groups stand apart. */
function rowTop({ rows }: PicturedStep, row: number): number {
  let gaps = 0;
  for (let i = 1; i < row && i < rows.length; i++) {
    if (rows[i]!.group !== rows[i - 1]!.group) gaps++;
  }
  if (row > 0 && row < rows.length && rows[row]!.group !== rows[row - 1]!.group) gaps++;
  return TITLE + AXIS + row * ROW + gaps * GROUP_GAP;
}

function panelSvg(panel: StepPanel, top: number): Markup {
  const { step, title } = panel;
  const tops = step.rows.map((_, row) => round(top + rowTop(step, row)));
  const bottom = top + panelHeight(step) - AXIS;
  return markup`<text x="0" y="${round(top + 10)}">${title}</text>${axisSvg(panel, top, bottom)}${step.rows.map(
    ({ workerId }, row) =>
      markup`<text x="${LABEL - 6}" y="${tops[row]! + LANE - 1}" text-anchor="end">${shortened(workerId)}</text>`,
  )}${lanesSvg(panel, tops)}${waySvg(panel, tops)}`;
}

/** A label has room for so many characters. */
function shortened(name: string): string {
  return name.length <= 16 ? name : `${name.slice(0, 7)}…${name.slice(-8)}`;
}

/** Layers where their first compute starts; time in round steps. */
function axisSvg(panel: StepPanel, top: number, bottom: number): Markup {
  const { fromNs, toNs, widthNs } = panel;
  const x = (ns: number) => placeX(panel, ns);
  const labels: { text: string; x: number }[] = [];
  let free = 0;
  for (const { layer, startNs } of layerStarts(panel.step)) {
    if (startNs < fromNs || startNs >= toNs || x(startNs) < free) continue;
    const label = labels.length === 0 ? `layer ${layer}` : String(layer);
    labels.push({ text: label, x: x(startNs) });
    free = x(startNs) + 6 * label.length + 8;
  }
  const stepNs = roundStep((toNs - fromNs) / Math.max(1, ((toNs - fromNs) / widthNs) * 9));
  const ticks: number[] = [];
  for (let at = Math.ceil(fromNs / stepNs) * stepNs; at <= toNs; at += stepNs) ticks.push(at);
  const rowsTop = top + TITLE + AXIS - 2;
  const lines = ticks.map((at) => `M${x(at)} ${round(rowsTop)}V${round(bottom - 2)}`).join('');
  return markup`<path class="grid" d="${lines}"/>${labels.map(
    (label) =>
      markup`<text class="muted" x="${label.x}" y="${round(top + TITLE + 8)}">${label.text}</text>`,
  )}${ticks
    .filter((at) => x(at) < WIDTH - 30)
    .map(
      (at) =>
        markup`<text class="muted" x="${x(at)}" y="${round(bottom + 8)}">${tickText(at)}</text>`,
    )}`;
}

/** `2 ms`, not `2.00 ms`. */
function tickText(ns: number): string {
  if (ns === 0) return '0';
  const { value, unit } = durationFigure(ns);
  return `${value.includes('.') ? value.replace(/\.?0+$/, '') : value} ${unit}`;
}

export function layerStarts({ boxes }: PicturedStep): { layer: number; startNs: number }[] {
  const starts = new Map<number, number>();
  boxes.layer.forEach((layer, i) => {
    if (layer < 0 || boxes.kind[i] !== 'compute') return;
    const startNs = boxes.startNs[i]!;
    if (startNs < (starts.get(layer) ?? Number.POSITIVE_INFINITY)) starts.set(layer, startNs);
  });
  return [...starts]
    .map(([layer, startNs]) => ({ layer, startNs }))
    .sort((a, b) => a.startNs - b.startNs);
}

/** 1, 2 or 5 times a power of ten, at least `ns`. */
function roundStep(ns: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, ns)));
  return power * ([1, 2, 5].find((factor) => factor * power >= ns) ?? 10);
}

interface Strokes {
  readonly ink: Ink;
  readonly thick: number;
  /** Centre of the lane, start and length in picture units; by row, then start. */
  readonly lines: { y: number; x: number; length: number }[];
}

/** Waiting lies under work; boxes of one look that nearly touch become one where there are too many. */
function lanesSvg(panel: StepPanel, tops: readonly number[]): Markup {
  const looks = new Map<string, Strokes>();
  const { step } = panel;
  const add = (
    name: string,
    ink: () => Ink,
    row: number,
    small: boolean,
    ns: readonly [number, number],
  ): void => {
    const from = Math.max(ns[0], panel.fromNs);
    const to = Math.min(ns[0] + ns[1], panel.toNs);
    if (to <= from) return;
    const key = `${small ? 'b' : 'a'} ${name}`;
    const strokes = looks.get(key) ?? { ink: ink(), thick: small ? SMALL_LANE : LANE, lines: [] };
    looks.set(key, strokes);
    const y = tops[row]! + (small ? LANE + 1 + SMALL_LANE / 2 : LANE / 2);
    const x = placeX(panel, from);
    strokes.lines.push({ y, x, length: placeX(panel, to) - x });
  };
  const { waits, boxes } = step;
  waits.row.forEach((row, i) => {
    const cause = waits.cause[i]!;
    const { role } = step.rows[row]!;
    const ns = [waits.startNs[i]!, waits.durationNs[i]!] as const;
    add(`0 ${cause} ${role === 'ffn'}`, () => causeInk(cause, role), row, false, ns);
  });
  boxes.row.forEach((row, i) => {
    const kind = boxes.kind[i]!;
    if (kind === 'wait') return;
    const stage = stageColourName(boxes.stage[i]!);
    const ns = [boxes.startNs[i]!, boxes.durationNs[i]!] as const;
    add(`1 ${stage}`, () => solidInk(STAGE_COLOURS[stage]), row, kind === 'transfer', ns);
  });
  const all = [...looks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, strokes]) => strokes);
  let gap = 0.05;
  let thinned = all.map((strokes) => joined(strokes, gap));
  while (thinned.reduce((sum, { lines }) => sum + lines.length, 0) > MOST_STROKES) {
    gap *= 1.5;
    thinned = all.map((strokes) => joined(strokes, gap));
  }
  const base = tops.map((y) => `M${LABEL} ${round(y + LANE / 2)}h${PLOT}`).join('');
  return markup`<path class="bare" stroke-width="0.6" d="${base}"/>${thinned.map(
    ({ ink, thick, lines }) =>
      lines.length === 0
        ? NOTHING
        : markup`<path stroke-width="${thick}" ${ink.stroke} d="${lines
            .map(({ x, y, length }) => `M${round(x)} ${round(y)}h${round(length)}`)
            .join('')}"/>`,
  )}`;
}

/** What is shorter than half of `gap` after joining is too small to be seen. */
function joined({ ink, thick, lines }: Strokes, gap: number): Strokes {
  const out: Strokes['lines'] = [];
  for (const line of [...lines].sort((a, b) => a.y - b.y || a.x - b.x)) {
    const last = out.at(-1);
    if (last !== undefined && last.y === line.y && line.x - (last.x + last.length) <= gap) {
      last.length = Math.max(last.length, line.x + line.length - last.x);
    } else {
      out.push({ ...line });
    }
  }
  return { ink, thick, lines: out.filter(({ length }) => length >= gap / 2) };
}

/** Between the lanes; it breaks where it runs on a worker without a row. */
function waySvg(panel: StepPanel, tops: readonly number[]): Markup {
  const { path } = panel.step;
  let way = '';
  let open = false;
  path.row.forEach((row, i) => {
    const from = Math.max(path.startNs[i]!, panel.fromNs);
    const to = Math.min(path.startNs[i]! + path.durationNs[i]!, panel.toNs);
    if (to <= from) return;
    if (row < 0) {
      open = false;
      return;
    }
    const y = round(tops[row]! + LANE + 0.5);
    way += open
      ? `V${y}H${placeX(panel, to)}`
      : `M${placeX(panel, from)} ${y}H${placeX(panel, to)}`;
    open = true;
  });
  return way === '' ? NOTHING : markup`<path class="way" d="${way}"/>`;
}

function placeX({ fromNs, widthNs }: StepPanel, ns: number): number {
  return round(LABEL + ((ns - fromNs) / widthNs) * PLOT);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const NO_EVENT: LegendEntry = {
  label: 'no event of the worker',
  mark: markup`<svg class="mark" width="14" height="10" viewBox="0 0 14 10" aria-hidden="true"><path class="bare" stroke-width="1" d="M0 5h14"/></svg>`,
};

/** What is seen in the panels, stages first. */
export function stepLegend(panels: readonly StepPanel[]): LegendEntry[] {
  const stages = new Map<string, LegendEntry>();
  const causes = new Map<string, LegendEntry>();
  for (const { step } of panels) {
    step.boxes.stage.forEach((stage, i) => {
      if (step.boxes.kind[i] === 'wait') return;
      const name = stageColourName(stage);
      if (!stages.has(name)) {
        const { colour } = boxLook(name, 'compute');
        stages.set(name, legendEntry(name.replaceAll('_', ' '), solidInk(colour)));
      }
    });
    step.waits.cause.forEach((cause, i) => {
      const { role } = step.rows[step.waits.row[i]!]!;
      const key = cause === 'peerComputeNs' ? `${cause} ${role}` : cause;
      if (causes.has(key) || !isCause(cause)) return;
      const whose =
        cause === 'peerComputeNs' ? (role === 'ffn' ? ' (attention’s)' : ' (FFN’s)') : '';
      causes.set(
        key,
        legendEntry(`waits: ${causeLook(cause).label}${whose}`, causeInk(cause, role)),
      );
    });
  }
  const way: LegendEntry = {
    label: 'critical path',
    mark: markup`<svg class="mark" width="14" height="10" viewBox="0 0 14 10" aria-hidden="true"><path class="way" d="M0 7H7V3H14"/></svg>`,
  };
  return [...stages.values(), ...causes.values(), NO_EVENT, way];
}

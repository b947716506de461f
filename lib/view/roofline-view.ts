/**
 * A roofline, log over log: what a group achieves while it computes, under what its GPU can do.
 *
 *     FLOP/s │        ______ peak
 *            │      /   ● ffn
 *            │    /
 *            │  /● attention
 *            └──────────────── FLOP/byte
 */
import type { ReportJson } from '#lib/api/report-schema.ts';
import { roleColour } from './palette.ts';

export type GroupUtilization = NonNullable<ReportJson['utilization']>['groups'][number];

export interface RooflinePoint {
  readonly group: string;
  readonly colour: string;
  /** Places on the axes, 0..1 from the left and from the bottom. */
  readonly x: number;
  readonly y: number;
}

export interface Roofline {
  readonly points: readonly RooflinePoint[];
  /** One for each different GPU and precision: from the left edge over the ridge to the right edge. */
  readonly roofs: readonly {
    readonly name: string;
    readonly path: readonly (readonly [x: number, y: number])[];
  }[];
  readonly xTicks: readonly { readonly at: number; readonly label: string }[];
  readonly yTicks: readonly { readonly at: number; readonly label: string }[];
}

const X_DECADES: readonly [number, number] = [0, 4];
const Y_DECADES: readonly [number, number] = [12, 16];

/** null where no group's intensity and peaks are known. */
export function rooflineOf(groups: readonly GroupUtilization[]): Roofline | null {
  const points: RooflinePoint[] = [];
  const roofs = new Map<string, Roofline['roofs'][number]>();
  for (const group of groups) {
    const { flopsPerByte, busyFlopsPerSecond, peakFlopsPerSecond, peakBytesPerSecond } = group;
    if (peakFlopsPerSecond !== null && peakBytesPerSecond !== null) {
      const name = `${group.gpu ?? 'GPU'}${group.precision === null ? '' : ` ${group.precision}`}`;
      roofs.set(name, { name, path: roofPath(peakFlopsPerSecond, peakBytesPerSecond) });
    }
    if (flopsPerByte === null || busyFlopsPerSecond === null) continue;
    points.push({
      group: group.group,
      colour: roleColour(group.role),
      x: place(flopsPerByte, X_DECADES),
      y: place(busyFlopsPerSecond, Y_DECADES),
    });
  }
  if (points.length === 0 || roofs.size === 0) return null;
  return {
    points,
    roofs: [...roofs.values()],
    xTicks: ticks(X_DECADES, (power) => String(10 ** power)),
    yTicks: ticks(Y_DECADES, (power) =>
      power >= 15 ? `${10 ** (power - 15)} P` : `${10 ** (power - 12)} T`,
    ),
  };
}

function roofPath(peakFlops: number, peakBytes: number): readonly (readonly [number, number])[] {
  const ridge = peakFlops / peakBytes;
  const [left, right] = X_DECADES.map((power) => 10 ** power) as [number, number];
  const flopsAt = (intensity: number): number => Math.min(peakFlops, intensity * peakBytes);
  return [left, Math.min(right, Math.max(left, ridge)), right].map(
    (intensity) => [place(intensity, X_DECADES), place(flopsAt(intensity), Y_DECADES)] as const,
  );
}

function place(value: number, [from, to]: readonly [number, number]): number {
  if (!(value > 0)) return 0;
  return Math.min(1, Math.max(0, (Math.log10(value) - from) / (to - from)));
}

function ticks(
  [from, to]: readonly [number, number],
  label: (power: number) => string,
): readonly { at: number; label: string }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    at: i / (to - from),
    label: label(from + i),
  }));
}

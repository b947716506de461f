import { sparklinePath } from '#lib/view/sparkline.ts';

/** A small line without axes, from 0 to 1; gaps stay gaps. */
export function Sparkline({
  points,
  colour,
  label,
}: {
  readonly points: readonly (readonly [atMs: number, ratio: number | null])[];
  readonly colour: string;
  readonly label: string;
}) {
  const widthPx = 180;
  const heightPx = 36;
  return (
    <svg
      viewBox={`0 0 ${widthPx} ${heightPx}`}
      preserveAspectRatio="none"
      className="h-9 w-full"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <line x1="0" x2={widthPx} y1={heightPx - 0.5} y2={heightPx - 0.5} stroke="var(--line)" />
      <path
        d={sparklinePath(points, widthPx, heightPx)}
        fill="none"
        stroke={colour}
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

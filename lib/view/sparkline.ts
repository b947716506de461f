/**
 * SVG path of a series on [0, 1] over its own time span; null values break the line. A single
 * point between gaps is drawn as a dot-sized stroke so that it is not lost.
 */
export function sparklinePath(
  points: readonly (readonly [atMs: number, ratio: number | null])[],
  widthPx: number,
  heightPx: number,
): string {
  const first = points[0]?.[0] ?? 0;
  const spanMs = Math.max(1, (points.at(-1)?.[0] ?? 0) - first);
  let path = '';
  let isOpen = false;
  for (const [index, [atMs, ratio]] of points.entries()) {
    if (ratio === null) {
      isOpen = false;
      continue;
    }
    const x = ((atMs - first) / spanMs) * widthPx;
    const y = heightPx - Math.min(1, Math.max(0, ratio)) * heightPx;
    const isAlone = !isOpen && (points[index + 1]?.[1] ?? null) === null;
    path += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}${isAlone ? 'h0.5' : ''}`;
    isOpen = true;
  }
  return path;
}

/** Where an area of the timeline leads: exports of it, the comparison with the time before. */
import type { TimelineArea } from './timeline-selection.ts';

/** `format`: as in export-choices.ts. */
export function areaExportHref(deployment: string, area: TimelineArea, format: string): string {
  const search = new URLSearchParams({
    format,
    deployment,
    from: String(area.fromUnixNs),
    to: String(area.toUnixNs),
    ...(area.workers === null ? {} : { workers: area.workers.join(',') }),
  });
  return `/api/v1/export?${search}`;
}

/** The area as B against a window of the same length right before it as A. */
export function compareBeforeHref(deployment: string, area: TimelineArea): string {
  const before = area.fromUnixNs - (area.toUnixNs - area.fromUnixNs);
  const search = new URLSearchParams({
    d: deployment,
    a: deployment,
    'a.from': String(before < 0n ? 0n : before),
    'a.to': String(area.fromUnixNs),
    b: deployment,
    'b.from': String(area.fromUnixNs),
    'b.to': String(area.toUnixNs),
  });
  return `/compare?${search}`;
}
